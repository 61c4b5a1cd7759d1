#include "text/grammar.hpp"

#include <algorithm>

namespace khala::text {
namespace {

// When "be", "have" and "do" say it is; before a participle: "has gone", but not "has a dog".
Time auxiliary_of(Before before, bool is_before_participle) {
    const auto is = [](Auxiliary auxiliary) {
        return [auxiliary](const Word* word) { return word->auxiliary == auxiliary; };
    };
    if (std::ranges::any_of(before, is(Auxiliary::have_to))) {
        return std::ranges::any_of(before, is(Auxiliary::had)) ? Time::past : Time::present;
    }
    for (const Word* word : before) {
        switch (word->auxiliary) {
            case Auxiliary::had: return is_before_participle ? Time::pluperfect : Time::past;
            case Auxiliary::has: return is_before_participle ? Time::perfect : Time::present;
            case Auxiliary::past: return Time::past;
            case Auxiliary::present: return Time::present;
            case Auxiliary::have_to:
            case Auxiliary::none: break;
        }
    }
    return Time::none;
}

Time tense_of(const Word& word, std::optional<Kind> previous, bool is_passive, const SmallWords* before) {
    const bool has_have = before != nullptr && before->has_have;
    const bool is_verb = word.base->marks.has(Mark::verb);
    if (word.form == Form::past || (word.form == Form::both && !is_passive && !has_have)) {
        return is_verb || previous ? Time::past : Time::none;
    }
    if (word.form == Form::s) {
        return is_verb && previous ? Time::present : Time::maybe_present;
    }
    const bool is_bare = word.form == Form::none && is_verb && !word.base->marks.has(Mark::invariant);
    return is_bare && before == nullptr && previous == Kind::pronoun ? Time::present : Time::none;
}

bool is_told(Time tense) noexcept {
    return tense == Time::past || tense == Time::present;
}

}  // namespace

bool any_marked(Before before, Mark mark) {
    return std::ranges::any_of(before, [mark](const Word* word) { return word->marks.has(mark); });
}

std::vector<TermRef> links_of(Before before) {
    std::vector<TermRef> links;
    for (const Word* word : before) {
        if (word->link != nullptr) {
            links.push_back(word->link);
        }
    }
    return links;
}

SmallWords small_words(Before before) {
    SmallWords small;
    small.links = links_of(before);
    for (const Word* word : before) {
        if (!word->quantity.empty()) {
            small.quantity = word->quantity;
        }
    }
    small.auxiliary = auxiliary_of(before, true);
    small.auxiliary_else = auxiliary_of(before, false);
    small.noun_follows = before.back()->marks.has(Mark::noun_cue);
    small.has_be = any_marked(before, Mark::be) || any_marked(before, Mark::get);
    small.has_have = any_marked(before, Mark::have);
    small.has_now = any_marked(before, Mark::has);
    small.has_helper = any_marked(before, Mark::helper);
    small.has_article = any_marked(before, Mark::article);
    return small;
}

VerbUse verb_use(const Word& word, const SmallWords* before, bool is_before_by, std::optional<Kind> previous) {
    const bool is_verb = word.base->marks.has(Mark::verb);
    if (word.form == Form::none && !is_verb) {
        return {};
    }
    if (before == nullptr) {
        const bool is_passive = is_before_by && is_participle(word.form);
        const Time tense = tense_of(word, previous, is_passive, nullptr);
        return {is_verb && (is_passive || is_told(tense)), tense, is_passive};
    }
    const bool is_passive = is_participle(word.form) && (before->has_be || is_before_by);
    const Time tense = before->noun_follows ? Time::none : tense_of(word, previous, is_passive, before);
    const bool is_helped = before->has_helper || (before->has_have && word.form != Form::s);
    const bool is_finite = is_told(tense) || is_passive || (word.form == Form::ing ? before->has_be : is_helped);
    return {is_verb && !before->noun_follows && is_finite, tense, is_passive};
}

Time light_tense(const Word& word, Before before, std::optional<Kind> previous) {
    if (word.base->marks.has(Mark::reporting)) {
        return Time::none;
    }
    if (word.form == Form::past) {
        return Time::past;
    }
    if (word.form == Form::both) {
        return any_marked(before, Mark::be) || any_marked(before, Mark::have) ? Time::none : Time::past;
    }
    if (word.light_verb.empty() && word.modal.empty()) {
        return Time::none;
    }
    if (word.marks.has(Mark::have) || !previous) {
        return Time::none;
    }
    const bool is_bare = word.form == Form::none && before.empty() && previous == Kind::pronoun;
    return word.form == Form::s || is_bare ? Time::present : Time::none;
}

}  // namespace khala::text
