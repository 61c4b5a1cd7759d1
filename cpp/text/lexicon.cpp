#include "text/lexicon.hpp"

#include <algorithm>
#include <functional>
#include <optional>

namespace khala::text {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::array<std::string_view, static_cast<std::size_t>(TagList::count)> kTagLists{
    "person", "quantifier", "modal", "tense", "quantity", "auxiliary", "spelling", "comparator", "hollow",
};

template <typename T>
struct Named {
    std::string_view name;
    T value;
};

constexpr std::array kForms{
    Named<Form>{"", Form::none},     Named<Form>{"s", Form::s},
    Named<Form>{"past", Form::past}, Named<Form>{"participle", Form::participle},
    Named<Form>{"both", Form::both}, Named<Form>{"ing", Form::ing},
    Named<Form>{"er", Form::er},     Named<Form>{"est", Form::est},
};
constexpr std::array kTimes{
    Named<Time>{"past", Time::past},
    Named<Time>{"present", Time::present},
    Named<Time>{"former", Time::former},
    Named<Time>{"future", Time::future},
};
// "number" is a number word, "month" one that may be another word as well; the others are what they say.
struct ListedKind {
    Value value;
    Kind kind;
};
constexpr std::array kValues{
    Named<ListedKind>{"number", {Value::number, Kind::number}},
    Named<ListedKind>{"ordinal", {Value::fixed, Kind::number}},
    Named<ListedKind>{"date", {Value::fixed, Kind::date}},
    Named<ListedKind>{"time", {Value::fixed, Kind::time}},
    Named<ListedKind>{"month", {Value::month, Kind::date}},
};

template <typename Table>
auto find_named(const Table& table, std::string_view name) -> const decltype(table.front().value)* {
    const auto* found = std::ranges::find(table, name, [](const auto& entry) { return entry.name; });
    return found == table.end() ? nullptr : &found->value;
}

Error refused(std::string field, std::string message) {
    return {ErrorCode::invalid_argument, std::move(field), std::move(message)};
}

// "went: no form has the name gone"
Error unknown_name(std::string field, std::string about, std::string_view what, std::string_view name) {
    return refused(std::move(field), about.append(": no ").append(what).append(" has the name ").append(name));
}

std::uint64_t hash_with(std::uint64_t hash, std::uint64_t word) noexcept {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15ULL;
    return (hash ^ word) * kOdd + 1;
}

std::uint64_t phrase_hash(const Words& said) noexcept {
    std::uint64_t hash = 0;
    for (const std::string& word : said) {
        hash = hash_with(hash, hash_of(word));
    }
    return hash;
}

Words split(std::string_view text) {
    Words words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (end > at) {
            words.emplace_back(text.substr(at, end - at));
        }
        at = end + 1;
    }
    return words;
}

template <typename Entries, typename Names>
Result<void> check_names(const Entries& entries, const Names& names, const char* field) {
    for (const auto& entry : entries) {
        if (std::ranges::find(names, entry.first) == names.end()) {
            return refused(field, "no list has the name " + entry.first);
        }
    }
    for (const std::string_view name : names) {
        if (!entries.contains(std::string{name})) {
            return refused(field, "the list " + std::string{name} + " is missing");
        }
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Lexicon>> Lexicon::make(Lists lists) {
    std::unique_ptr<Lexicon> lexicon{new Lexicon};
    for (const auto& taken : {lexicon->take_sets(lists), lexicon->take_tagged(lists), lexicon->take_forms(lists),
                              lexicon->take_values(lists), lexicon->take_phrases(lists)}) {
        if (!taken.ok()) {
            return taken.error();
        }
    }
    lexicon->take_meanings(lists);
    lexicon->comma_ = lexicon->look_up(",");
    lexicon->colon_ = lexicon->look_up(":");
    return lexicon;
}

Result<void> Lexicon::take_sets(const Lists& lists) {
    KHALA_TRY(check_names(lists.sets, kMarkNames, "sets"));
    for (const auto& [name, words] : lists.sets) {
        const auto* found = std::ranges::find(kMarkNames, name);
        for (const std::string& word : words) {
            marks_[word].set(static_cast<Mark>(found - kMarkNames.begin()));
        }
    }
    return {};
}

Result<void> Lexicon::take_tagged(Lists& lists) {
    KHALA_TRY(check_names(lists.tagged, kTagLists, "tagged"));
    for (std::size_t list = 0; list < kTagLists.size(); ++list) {
        auto& tags = tags_[list];
        for (auto& [word, tag] : lists.tagged[std::string{kTagLists[list]}]) {
            tags.emplace(word, std::move(tag));
        }
    }
    for (const TagList list : {TagList::tense, TagList::auxiliary}) {
        for (const auto& [word, tag] : tags_[static_cast<std::size_t>(list)]) {
            if (find_named(kTimes, tag) == nullptr) {
                return unknown_name("tagged", word, "time", tag);
            }
        }
    }
    return {};
}

Result<void> Lexicon::take_forms(const Lists& lists) {
    for (const auto& [form, entry] : lists.irregular) {
        const Form* kind = find_named(kForms, entry.second);
        if (kind == nullptr) {
            return unknown_name("irregular", form, "form", entry.second);
        }
        irregular_.emplace(form, Reduced{entry.first, *kind});
    }
    return {};
}

Result<void> Lexicon::take_values(const Lists& lists) {
    for (const auto& [word, entry] : lists.values) {
        const ListedKind* kind = find_named(kValues, entry.first);
        if (kind == nullptr) {
            return unknown_name("values", word, "kind", entry.first);
        }
        values_.emplace(word, ListedValue{kind->value, kind->kind, plain_term(entry.second)});
    }
    return {};
}

Result<void> Lexicon::take_phrases(Lists& lists) {
    for (auto& [said, meant] : lists.phrases) {
        if (said.empty() || said.size() > UINT8_MAX) {
            return refused("phrases", "a phrase has 1 to 255 words");
        }
        auto& lengths = phrase_lengths_[said.front()];
        if (std::ranges::find(lengths, said.size()) == lengths.end()) {
            lengths.push_back(static_cast<std::uint8_t>(said.size()));
            std::ranges::sort(lengths, std::greater{});
        }
        const std::uint64_t hash = phrase_hash(said);
        phrases_[hash].push_back({std::move(said), std::move(meant)});
    }
    return {};
}

// Any form of a word will do in these lists.
Term& Lexicon::meaning(const std::string& listed) {
    return listed_term(look_up(listed)->base->key);
}

Term& Lexicon::listed_term(const std::string& key) {
    auto& term = terms_[key];
    if (term == nullptr) {
        term = make_term(key);
    }
    return *term;
}

std::shared_ptr<Term> Lexicon::make_term(std::string_view key) const {
    auto term = std::make_shared<Term>();
    term->key = key;
    term->hash = hash_of(key);
    term->marks = marks_of(key);
    return term;
}

void Lexicon::take_meanings(const Lists& lists) {
    const auto add = [](auto& sorted, const auto& value) {
        const auto at = std::ranges::lower_bound(sorted, value);
        if (at == sorted.end() || *at != value) {
            sorted.insert(at, value);
        }
    };
    std::uint32_t group_number = 0;
    for (const Words& group : lists.synonyms) {
        for (const std::string& word : group) {
            add(meaning(word).synonyms, group_number);
        }
        ++group_number;
    }
    for (const auto& [ones, others] : lists.opposites) {
        for (const std::string& listed : ones) {
            for (const std::string& against : others) {
                Term& one = meaning(listed);
                Term& other = meaning(against);
                add(one.opposites, other.key);
                add(other.opposites, one.key);
            }
        }
    }
    for (const auto& [name, words] : lists.attributes) {
        const Attribute attribute{name, is(name, Mark::replaced), is(name, Mark::kept)};
        for (const std::string& word : words) {
            add(meaning(word).attributes, attribute);
        }
    }
    // These say "any form" no longer: their words are keys.
    for (const auto& [key, verbs] : tags_[static_cast<std::size_t>(TagList::hollow)]) {
        listed_term(key).hollow = split(verbs);
    }
    for (const auto& [key, sign] : tags_[static_cast<std::size_t>(TagList::comparator)]) {
        listed_term(key).comparator = sign.empty() ? '\0' : sign.front();
    }
}

Marks Lexicon::marks_of(std::string_view word) const {
    const auto found = marks_.find(word);
    return found == marks_.end() ? Marks{} : found->second;
}

std::string_view Lexicon::tag(TagList list, std::string_view word) const {
    const auto& tags = tags_[static_cast<std::size_t>(list)];
    const auto found = tags.find(word);
    return found == tags.end() ? std::string_view{} : std::string_view{found->second};
}

TermRef Lexicon::term(std::string_view key) const {
    const auto found = terms_.find(key);
    if (found != terms_.end()) {
        return found->second;
    }
    return make_term(key);
}

WordRef Lexicon::word(std::string_view lower) {
    const auto found = words_.find(lower);
    if (found != words_.end()) {
        return found->second;
    }
    if (words_.size() >= kRememberedWords) {
        words_.clear();
    }
    return words_.emplace(std::string{lower}, look_up(lower)).first->second;
}

std::shared_ptr<Word> Lexicon::look_up(std::string_view lower) const {
    const auto spelling = [&](std::string_view as_is) {
        const std::string_view usual = tag(TagList::spelling, as_is);
        return usual.empty() ? as_is : usual;
    };
    auto word = std::make_shared<Word>();
    word->spelled = lower;
    word->hash = hash_of(lower);
    const std::string_view usual = spelling(lower);
    const Reduced reduced = base_of(usual);
    word->base = term(spelling(reduced.base));
    word->form = reduced.form;
    word->person = tag(TagList::person, usual);
    word->quantifier = tag(TagList::quantifier, usual);
    word->modal = tag(TagList::modal, usual);
    const Time* tense = find_named(kTimes, tag(TagList::tense, usual));
    word->tense = tense == nullptr ? Time::none : *tense;
    word->is_marking = !word->quantifier.empty() || !word->modal.empty() || tense != nullptr;
    const Marks listed = marks_of(usual);
    if (listed.has(Mark::negation)) {
        word->role = Role::negation;
    } else if (!word->person.empty()) {
        word->role = Role::pronoun;
    } else if (listed.has(Mark::light) || listed.has(Mark::relation) || word->is_marking || usual == "'s") {
        word->role = Role::light;
    }
    word->is_known = word->role != Role::content || word->base->marks.has(Mark::content) || word->is_marking;
    word->is_marking = word->is_marking || is_grade(word->form);
    word->marks = marks_of(lower);
    look_up_uses(*word);
    return word;
}

// What depends on how the word is written here and not on its usual spelling.
void Lexicon::look_up_uses(Word& word) const {
    const std::string_view lower = word.spelled;
    const Marks& base_marks = word.base->marks;
    word.quantity = tag(TagList::quantity, lower);
    word.auxiliary = auxiliary_of(lower);
    if (word.marks.has(Mark::have)) {
        word.light_verb = "have";
    } else if (word.marks.has(Mark::be)) {
        word.light_verb = "be";
    } else if (word.marks.has(Mark::light) && base_marks.has(Mark::light_base)) {
        word.light_verb = word.base->key;
    }
    word.link = link_of(word);
    const auto value = values_.find(lower);
    if (value != values_.end()) {
        word.value = value->second.value;
        word.value_kind = value->second.kind;
        word.value_term = value->second.term;
    }
    const bool is_verb = base_marks.has(Mark::verb);
    word.is_infinitive = word.marks.has(Mark::be) || word.marks.has(Mark::light_base) || lower == "have" ||
                         lower == "use" || lower == "from" ||  // "come from" is "from" by now
                         ((is_verb || !word.modal.empty()) && word.form == Form::none);
    const bool is_timeless = word.form != Form::past && word.form != Form::both && tag(TagList::modal, lower).empty();
    word.is_style = word.value == Value::none && !word.is_marking && !word.marks.has(Mark::in_names) &&
                    word.light_verb.empty() && lower != "used" && lower != "going_to" && word.role == Role::light &&
                    (is_timeless || base_marks.has(Mark::reporting));
    const auto lengths = phrase_lengths_.find(lower);
    if (lengths != phrase_lengths_.end()) {
        word.phrase_lengths = lengths->second;
    }
}

TermRef Lexicon::link_of(const Word& word) const {
    if (word.marks.has(Mark::be)) {
        return term("be");
    }
    if (word.marks.has(Mark::have)) {
        return term("have");
    }
    if (word.marks.has(Mark::relation) || word.marks.has(Mark::negation) || word.marks.has(Mark::given) ||
        word.marks.has(Mark::effect) || word.spelled == "'s" || word.spelled == "," || word.spelled == ":") {
        return term(word.spelled);
    }
    const bool tells = !word.base->opposites.empty() || word.base->marks.has(Mark::pivot);
    return word.marks.has(Mark::light) && tells ? word.base : nullptr;
}

Auxiliary Lexicon::auxiliary_of(std::string_view word) const {
    if (word == "have_to") {
        return Auxiliary::have_to;
    }
    if (word == "had") {
        return Auxiliary::had;
    }
    if (word == "have" || word == "has") {
        return Auxiliary::has;
    }
    const std::string_view time = tag(TagList::auxiliary, word);
    if (time.empty()) {
        return Auxiliary::none;
    }
    return time == "past" ? Auxiliary::past : Auxiliary::present;
}

const Words* Lexicon::phrase(std::span<const Word* const> words) const {
    std::uint64_t hash = 0;
    for (const Word* word : words) {
        hash = hash_with(hash, word->hash);
    }
    const auto found = phrases_.find(hash);
    if (found == phrases_.end()) {
        return nullptr;
    }
    const auto is_said = [&](const Phrase& phrase) {
        return std::ranges::equal(phrase.said, words, {}, {}, [](const Word* word) { return word->spelled; });
    };
    const auto phrase = std::ranges::find_if(found->second, is_said);
    return phrase == found->second.end() ? nullptr : &phrase->meant;
}

}  // namespace khala::text
