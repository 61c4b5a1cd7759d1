// Detectors of how something is stated: denied, limited, certain, past, and by or of whom.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bindings.hpp"
#include "text/clauses.hpp"
#include "text/detectors.hpp"
#include "text/roles.hpp"
#include "text/ties.hpp"

namespace khala::text {
namespace {

// The noun right behind the only negation; null for a denied verb, which stands in different places.
const Item* denied(const Features& features) {
    if (features.negations.size() != 1) {
        return nullptr;
    }
    const auto is_denied = [](const Item& item) {
        return item.kind != Kind::pronoun && std::ranges::any_of(item.links, [](const TermRef& link) {
                   return link->key == "not" || link->key == "no";
               });
    };
    const auto item = std::ranges::find_if(features.items, is_denied);
    return item == features.items.end() || item->is_verb ? nullptr : &*item;
}

bool links_with(const Features& features, std::string_view key) {
    return std::ranges::any_of(features.links, [key](const Counted& link) { return link.term->key == key; });
}

// Whether the one negation reaches all that is listed: "does not speak French or German", "Ann and Bob do not smoke";
// but not "Ann smokes and Bob does not".
bool denies_all(const Features& features) {
    if (links_with(features, "or") || links_with(features, "nor")) {
        return true;
    }
    const auto& items = features.items;
    const auto listed = std::ranges::find_if(items, [](const Item& item) { return has_link(item.links, "and"); });
    return listed != items.end() && std::any_of(std::next(listed), items.end(), [](const Item& item) {
               return has_marked(item.links, Mark::negation);
           });
}

// Whether negations stand side by side and do not cancel out: "does not smoke and does not drink".
bool denies_two(const Features& features) {
    return std::ranges::any_of(features.items, [](const Item& item) {
        return has_marked(item.links, Mark::negation) && has_marked(item.links, Mark::clause_end);
    });
}

// Whether it is told from the other end: "Anna is taller than Tom", "Tom is shorter than Anna".
bool is_converse(const Comparison& comparison) {
    if (comparison.opposite.size() != 1) {
        return false;
    }
    const auto compares = [](const Item& item) {
        return std::ranges::any_of(item.links, [](const TermRef& link) { return link->key == "than"; });
    };
    return std::ranges::any_of(comparison.a->items, compares) &&
           swapped(comparison, &comparison.opposite.front()).has_value();
}

// Items of the first text with the one of the second that has the same term or means the same, where both `counts`;
// stops when `take` says so.
template <typename Counts, typename Take>
void for_counterparts(const Comparison& comparison, Counts counts, Take take) {
    std::vector<const Item*> told;  // each term once, the first that says it
    for (const Item& item : comparison.a->items) {
        const auto is_same = [&](const Item* other) { return equal(*other->term, *item.term); };
        if (counts(item) && std::ranges::none_of(told, is_same)) {
            told.push_back(&item);
        }
    }
    for (const Item& item : comparison.b->items) {
        if (told.empty()) {
            return;
        }
        if (!counts(item)) {
            continue;
        }
        const Term& term = renamed(comparison.same, *item.term);
        const auto other = std::ranges::find_if(told, [&](const Item* one) { return equal(*one->term, term); });
        if (other == told.end()) {
            continue;
        }
        const Item& one = **other;
        told.erase(other);
        if (take(one, item)) {
            return;
        }
    }
}

std::vector<const Tag*> only_in(const std::vector<Tag>& tags, const std::vector<Tag>& others) {
    std::vector<const Tag*> only;
    for (const Tag& tag : tags) {
        if (find_tag(others, tag.name) == nullptr) {
            only.push_back(&tag);
        }
    }
    std::ranges::sort(only, {}, [](const Tag* tag) -> const std::string& { return tag->name; });
    return only;
}

struct TagRule {
    std::string_view code;
    std::string_view what;
    bool is_lenient;            // some of them may stand in one text and not in the other
    std::string_view spared{};  // may always
};

constexpr std::array<std::string_view, 4> kLenient{"all", "usual", "either", "many"};

void compare_tags(const std::vector<Tag>& a, const std::vector<Tag>& b, const TagRule& rule, Reasons& reasons) {
    const auto only_a = only_in(a, b);
    const auto only_b = only_in(b, a);
    if (!only_a.empty() && !only_b.empty()) {
        reasons.push_back(said(rule.code, Judgement::conflict, rule.what, only_a[0]->surface, only_b[0]->surface));
        return;
    }
    for (const Tag* tag : only_a.empty() ? only_b : only_a) {
        const bool is_spared = tag->name == rule.spared;
        if (!is_spared && (!rule.is_lenient || std::ranges::find(kLenient, tag->name) == kLenient.end())) {
            reasons.push_back(one_sided(rule.code, Judgement::conflict, rule.what, tag->surface));
        }
    }
}

// Another quantity of the same thing: "some birds", "many birds".
void compare_quantities(const Comparison& comparison, Reasons& reasons) {
    const auto has_quantity = [](const Item& item) { return !item.quantity.empty(); };
    for_counterparts(comparison, has_quantity, [&](const Item& one, const Item& other) {
        if (other.quantity.empty() || one.quantity == other.quantity || one.quantity == "any" ||
            other.quantity == "any") {
            return false;  // "denied any", "denied all"
        }
        reasons.push_back(said("quantifier", Judgement::conflict, "quantity", one.quantity + " " + one.surface,
                               other.quantity + " " + other.surface));
        return true;
    });
}

bool are_other_times(Time one, Time other) {
    constexpr std::array kOther{
        std::pair{Time::past, Time::present},       std::pair{Time::present, Time::past},
        std::pair{Time::pluperfect, Time::present}, std::pair{Time::pluperfect, Time::perfect},
        std::pair{Time::present, Time::pluperfect}, std::pair{Time::perfect, Time::pluperfect},
    };
    return std::ranges::find(kOther, std::pair{one, other}) != kOther.end();
}

Time told(const Item& item) {
    return item.tense == Time::maybe_present ? Time::present : item.tense;
}

bool differ_in_time(const Item& one, const Item& other) {
    if (one.auxiliary != Time::none && other.auxiliary != Time::none) {
        return are_other_times(one.auxiliary, other.auxiliary);
    }
    if (one.tense != Time::none && other.tense != Time::none) {
        return are_other_times(told(one), told(other));
    }
    // "was going" and "goes"; but "is married" says nothing against "married".
    return !one.is_passive && are_other_times(one.auxiliary, told(other));
}

// One and the same thing past here and present there.
void compare_verb_tense(const Comparison& comparison, Reasons& reasons) {
    const auto is_timed = [](const Item& item) { return item.auxiliary != Time::none || item.tense != Time::none; };
    for_counterparts(comparison, is_timed, [&](const Item& one, const Item& other) {
        // NOLINTNEXTLINE(readability-suspicious-call-argument): both directions are asked.
        if (!differ_in_time(one, other) && !differ_in_time(other, one)) {
            return false;
        }
        const auto at = [](const Item& item) {
            const Time time = item.auxiliary != Time::none ? item.auxiliary : item.tense;
            return item.surface + " (" + std::string{name(time)} + ")";
        };
        reasons.push_back(said("tense", Judgement::update, "time", at(one), at(other)));
        return true;
    });
}

// Between texts that tell more or less than each other it is a matter of length who is named as the source, and of two
// quotations one need not name it.
bool tell_as_much(const Comparison& comparison) {
    const auto quotes = [](const Features& features) { return features.text.find('"') != std::string::npos; };
    const bool both_quote = quotes(*comparison.a) && quotes(*comparison.b);
    return !both_quote && comparison.rest_a.empty() && comparison.rest_b.empty() && comparison.values_a.empty() &&
           comparison.values_b.empty();
}

std::vector<std::string> only_persons(const std::vector<std::string>& persons, const std::vector<std::string>& others,
                                      bool tells_of_user) {
    std::vector<std::string> only;
    std::ranges::set_difference(persons, others, std::back_inserter(only));
    const bool is_one_of_them = contains(others, "3m") || contains(others, "3f");  // "they" of one person
    std::erase_if(only, [&](const std::string& person) {
        // "the user ... his": whoever speaks of the user in the third person means the same one.
        const bool is_user = person == "1" || person == "user" || person == "3m" || person == "3f";
        return person == "3p" ? tells_of_user || is_one_of_them : tells_of_user && is_user;
    });
    return only;
}

std::string_view shown_person(std::string_view person) {
    constexpr std::array kShown{
        std::pair<std::string_view, std::string_view>{"1", "I"},
        std::pair<std::string_view, std::string_view>{"1p", "we"},
        std::pair<std::string_view, std::string_view>{"2", "you"},
        std::pair<std::string_view, std::string_view>{"3m", "he"},
        std::pair<std::string_view, std::string_view>{"3f", "she"},
        std::pair<std::string_view, std::string_view>{"3p", "they"},
    };
    const auto* found = std::ranges::find(kShown, person, [](const auto& entry) { return entry.first; });
    return found == kShown.end() ? person : found->second;
}

}  // namespace

void find_polarity(const Comparison& comparison, Reasons& reasons) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    const bool is_odd = (a.negations.size() + b.negations.size()) % 2 == 1;
    const auto& flips = comparison.opposite;
    if (is_odd && flips.size() == 1) {
        return;  // one of each cancels out: "not happy", "sad"
    }
    if (!is_converse(comparison)) {
        for (const auto& [one, other] : flips) {
            reasons.push_back(said("antonym", Judgement::conflict, "opposites", one->surface, other->surface));
        }
    }
    if (is_odd && flips.empty()) {
        const Features& more = a.negations.size() > b.negations.size() ? a : b;
        reasons.push_back(one_sided("negation", Judgement::conflict, "negation", more.negations.back()));
    } else if (flips.empty() && a.negations.empty() != b.negations.empty()) {
        const Features& more = a.negations.empty() ? b : a;
        if (denies_two(more)) {
            reasons.push_back(one_sided("negation", Judgement::conflict, "negation", more.negations.back()));
        }
    } else if (!is_odd && !a.negations.empty() && !b.negations.empty()) {
        const bool is_of_one = a.negations.size() == 1 && b.negations.size() == 1;
        const Item* denied_a = denied(a);
        const Item* denied_b = denied(b);
        if (denied_a != nullptr && denied_b != nullptr && has_term(b, *denied_a->term) &&
            has_term(a, *denied_b->term) && !equal(*denied_a->term, *denied_b->term)) {
            reasons.push_back(
                said("negation", Judgement::conflict, "another thing is denied", denied_a->surface, denied_b->surface));
        } else if (is_of_one && links_with(a, "nor") != links_with(b, "nor") &&
                   !denies_all(links_with(a, "nor") ? b : a)) {
            reasons.push_back(one_sided("negation", Judgement::conflict, "denial of each", "nor"));
        }
    }
}

void find_quantifiers(const Comparison& comparison, Reasons& reasons) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    // "I drink tea", "I always drink tea"; but "I do not drink tea" is not "I do not always drink tea".
    const bool is_lenient = a.negations.empty() && b.negations.empty();
    const std::size_t before = reasons.size();
    // "neither tea nor milk", "no tea or milk"
    const std::string_view spared = links_with(a, "nor") != links_with(b, "nor") ? "either" : "";
    compare_tags(a.quantifiers, b.quantifiers, {"quantifier", "quantity", is_lenient, spared}, reasons);
    if (reasons.size() == before) {
        compare_quantities(comparison, reasons);
    }
}

void find_modality(const Comparison& comparison, Reasons& reasons) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    const std::size_t before = reasons.size();
    compare_tags(a.modals, b.modals, {"modality", "certainty or duty", false}, reasons);
    const bool is_one_sided = a.hearsay.empty() != b.hearsay.empty();
    if (reasons.size() == before && is_one_sided && tell_as_much(comparison)) {
        const Features& told = a.hearsay.empty() ? b : a;
        if (told.is_from_others) {
            reasons.push_back(one_sided("modality", Judgement::conflict, "certainty or duty", told.hearsay));
        }
    }
}

void find_tense(const Comparison& comparison, Reasons& reasons) {
    const auto& a = comparison.a->tenses;
    const auto& b = comparison.b->tenses;
    for (const std::string_view name : {"former", "future"}) {
        const Tag* one = find_tag(a, name);
        const Tag* other = find_tag(b, name);
        if ((one == nullptr) != (other == nullptr)) {
            reasons.push_back(
                one_sided("tense", Judgement::update, "time", one != nullptr ? one->surface : other->surface));
            return;
        }
    }
    for (const auto& [one, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
        const Tag* past = find_tag(*one, "past");
        const Tag* present = find_tag(*other, "present");
        if (past != nullptr && present != nullptr && find_tag(*one, "present") == nullptr &&
            find_tag(*other, "past") == nullptr) {
            reasons.push_back(said("tense", Judgement::update, "time", past->surface, present->surface));
            return;
        }
    }
    compare_verb_tense(comparison, reasons);
}

void find_roles(const Comparison& comparison, Reasons& reasons) {
    auto parties = swapped(comparison);
    if (!parties) {
        parties = rebound(comparison);
    }
    if (!parties) {
        parties = retied(comparison);
    }
    if (!parties) {
        parties = turned(comparison);
    }
    if (parties && !is_converse(comparison)) {
        reasons.push_back({"roles",
                           Judgement::conflict,
                           "roles of {!r} and {!r} are exchanged",
                           {std::move(parties->first), std::move(parties->second)}});
    }
}

void find_persons(const Comparison& comparison, Reasons& reasons) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    const bool tells_of_user = contains(a.persons, "user") || contains(b.persons, "user");
    const auto differ = [&](const auto& of_a, const auto& of_b, std::string_view what) {
        const auto only_a = only_persons(of_a, of_b, tells_of_user);
        const auto only_b = only_persons(of_b, of_a, tells_of_user);
        if (only_a.empty() || only_b.empty()) {
            return false;
        }
        reasons.push_back(
            said("person", Judgement::distinct, what, shown_person(only_a.front()), shown_person(only_b.front())));
        return true;
    };
    if (!differ(a.persons, b.persons, "person")) {
        differ(a.owners, b.owners, "owner");
    }
}

void find_question(const Comparison& comparison, Reasons& reasons) {
    if (comparison.a->is_question != comparison.b->is_question) {
        reasons.push_back({"question", Judgement::distinct, "one text asks, the other states", {}});
    }
}

void find_language(const Comparison& comparison, Reasons& reasons) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    // Only equal words in equal order are equal.
    if (!(a.is_english && b.is_english) && !(equal(a.bag, b.bag) && in_order(a, b))) {
        reasons.push_back({"language", Judgement::distinct, "not recognised as English, and the words differ", {}});
    }
}

}  // namespace khala::text
