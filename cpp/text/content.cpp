// Detectors of what a statement is about: numbers, dates, identifiers, names and words.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/detectors.hpp"
#include "text/utf8.hpp"

namespace khala::text {
namespace {

constexpr std::size_t kMostNamed = 5;  // of the words that only one text says

// The code of a value, by what its key begins with: currencies are in capitals, what is not listed is a unit.
std::string_view code_of(const Item& item) {
    using Code = std::pair<std::string_view, std::string_view>;
    constexpr std::array kCodes{
        Code{"number", "number"},   Code{"ordinal", "number"},  Code{"date", "date"},
        Code{"weekday", "date"},    Code{"day", "date"},        Code{"time", "time"},
        Code{"percent", "percent"}, Code{"version", "version"}, Code{"identifier", "identifier"},
    };
    const std::string_view key = item.term->key;
    const std::string_view dimension = key.substr(0, key.find(':'));
    if (!dimension.empty() && std::ranges::all_of(dimension, is_upper)) {
        return "money";
    }
    const auto* found = std::ranges::find(kCodes, dimension, &Code::first);
    return found == kCodes.end() ? "unit" : found->second;
}

void remove(Leftovers& items, const Item& item) {
    items.erase(std::ranges::find_if(items, [&](const Item* other) { return equal(*other, item); }));
}

bool is_one(const Item& item) {
    return item.term->key == "number:1" || item.term->key == "ordinal:1";
}

// A number and how it is bounded: "more than 5", "under 5".
struct Bound {
    const Term* number;
    char comparator;
    std::string surface;
};

std::vector<Bound> bounds_of(const Features& features) {
    std::vector<Bound> found;
    for (const Item& item : features.items) {
        if (item.kind != Kind::number) {
            continue;
        }
        const auto link =
            std::ranges::find_if(item.links, [](const TermRef& term) { return term->comparator != '\0'; });
        const bool is_bounded = link != item.links.end();
        Bound bound{item.term.get(), is_bounded ? (*link)->comparator : '\0',
                    is_bounded ? (*link)->key + " " + item.surface : item.surface};
        const auto known =
            std::ranges::find_if(found, [&](const Bound& one) { return equal(*one.number, *item.term); });
        if (known != found.end()) {
            *known = std::move(bound);
        } else {
            found.push_back(std::move(bound));
        }
    }
    return found;
}

bool tells_possession(const Features& features) {
    return contains(features.light_verbs, "have") || contains(features.light_verbs, "own") ||
           std::ranges::any_of(features.keys, [](const Term* key) { return key->marks.has(Mark::own); });
}

// A number and the words right behind it, each term once.
struct CountedWords {
    const Term* number;
    Leftovers words;
};

std::vector<CountedWords> counted_words(const Features& features) {
    std::vector<CountedWords> found;
    std::size_t behind = 0;  // one more than the place of the number that is being counted; 0: none
    for (const Item& item : features.items) {
        if (item.term->key.starts_with("number:")) {
            const auto known =
                std::ranges::find_if(found, [&](const CountedWords& one) { return equal(*one.number, *item.term); });
            behind = static_cast<std::size_t>(known - found.begin()) + 1;
            if (known == found.end()) {
                found.push_back({item.term.get(), {}});
            }
        } else if (behind > 0 && item.is_joined) {
            Leftovers& words = found[behind - 1].words;
            const auto known =
                std::ranges::find_if(words, [&](const Item* word) { return equal(*word->term, *item.term); });
            if (known != words.end()) {
                *known = &item;
            } else {
                words.push_back(&item);
            }
        } else {
            behind = 0;
        }
    }
    std::erase_if(found, [](const CountedWords& one) { return one.words.empty(); });
    std::ranges::sort(found, {}, [](const CountedWords& one) -> const std::string& { return one.number->key; });
    return found;
}

// A value of the same place or thing ("lives in", "color is") replaces; all else is another fact.
Judgement kind_by_slot(const Item& one, const Item& other) {
    const bool is_same = equal(one.links, other.links) && has_marked(one.links, Mark::place_value);
    return is_same ? Judgement::update : Judgement::distinct;
}

// What tells that something changed; empty if nothing does.
std::string cue_of(const Features& features) {
    const auto item =
        std::ranges::find_if(features.items, [](const Item& one) { return one.term->marks.has(Mark::change); });
    if (item != features.items.end()) {
        return item->surface;
    }
    const auto link =
        std::ranges::find_if(features.links, [](const Counted& one) { return one.term->marks.has(Mark::change); });
    if (link != features.links.end()) {
        std::string cue = link->term->key;
        std::ranges::replace(cue, '_', ' ');
        return cue;
    }
    const Tag* former = find_tag(features.tenses, "former");
    return former == nullptr ? std::string{} : former->surface;
}

Leftovers of_names(const Leftovers& items, bool are_names) {
    Leftovers found;
    std::ranges::copy_if(items, std::back_inserter(found),
                         [&](const Item* item) { return (item->kind == Kind::name) == are_names; });
    return found;
}

}  // namespace

void find_values(const Comparison& comparison, Reasons& reasons) {
    Leftovers left = comparison.values_a;
    Leftovers right = comparison.values_b;
    for (const Item* one : comparison.values_a) {
        const std::string_view code = code_of(*one);
        const auto partner = std::ranges::find_if(right, [&](const Item* other) { return code_of(*other) == code; });
        if (partner != right.end()) {
            const Item& other = **partner;
            remove(left, *one);
            remove(right, other);
            const Judgement kind = code == "identifier" ? Judgement::distinct : Judgement::update;
            reasons.push_back(said(code, kind, "another " + std::string{code}, one->surface, other.surface));
        }
    }
    if (comparison.is_restated) {
        return;  // values are left out
    }
    const bool are_alone = comparison.rest_a.empty() && comparison.rest_b.empty() && (left.empty() || right.empty());
    for (const Leftovers* side : {&left, &right}) {
        for (const Item* item : *side) {
            if (!is_one(*item) || !are_alone) {
                reasons.push_back(one_sided(code_of(*item), Judgement::update, code_of(*item), item->surface));
            }
        }
    }
}

void find_bounds(const Comparison& comparison, Reasons& reasons) {
    const std::vector<Bound> bounds_b = bounds_of(*comparison.b);
    if (bounds_b.empty()) {
        return;
    }
    for (const Bound& one : bounds_of(*comparison.a)) {  // in the order of the first text
        const auto other =
            std::ranges::find_if(bounds_b, [&](const Bound& b) { return equal(*b.number, *one.number); });
        if (other != bounds_b.end() && one.comparator != other->comparator) {
            const bool are_opposed = one.comparator != '\0' && other->comparator != '\0';
            reasons.push_back(said("comparison", are_opposed ? Judgement::conflict : Judgement::update, "bound",
                                   one.surface, other->surface));
        }
    }
}

// "I have a dog", "I have dogs". Of other verbs than these both may be said of the kind.
void find_counts(const Comparison& comparison, Reasons& reasons) {
    if (!tells_possession(*comparison.a) || !tells_possession(*comparison.b)) {
        return;
    }
    const auto& items = comparison.a->items;
    for (const Item& item : comparison.b->items) {
        const auto other = std::find_if(items.rbegin(), items.rend(), [&](const Item& one) {
            return one.amount != Amount::none && equal(*one.term, *item.term);
        });
        if (other != items.rend() && item.amount != Amount::none && other->amount != item.amount) {
            reasons.push_back(said("number", Judgement::update, "one or several", other->surface, item.surface));
            return;
        }
    }
}

// "A dog and two cats", "two dogs and a cat".
void find_counted(const Comparison& comparison, Reasons& reasons) {
    if (!has_kind(*comparison.a, Kind::number) || !has_kind(*comparison.b, Kind::number)) {
        return;
    }
    const std::vector<CountedWords> counted_b = counted_words(*comparison.b);
    const auto in = [](const Features& features) {
        return [&features](const Item* item) { return has_term(features, *item->term); };
    };
    for (const CountedWords& here : counted_words(*comparison.a)) {
        const auto there = std::ranges::find_if(
            counted_b, [&](const CountedWords& other) { return equal(*other.number, *here.number); });
        if (there == counted_b.end()) {
            continue;
        }
        const bool is_moved =
            std::ranges::all_of(here.words, in(*comparison.b)) && std::ranges::all_of(there->words, in(*comparison.a));
        const bool is_shared = std::ranges::any_of(here.words, [&](const Item* one) {
            return std::ranges::any_of(there->words,
                                       [&](const Item* other) { return equal(*one->term, *other->term); });
        });
        if (is_moved && !is_shared) {
            reasons.push_back(
                said("number", Judgement::update, "a number counts", here.words[0]->surface, there->words[0]->surface));
            return;
        }
    }
}

void find_attributes(const Comparison& comparison, Reasons& reasons) {
    for (const auto& [one, other] : comparison.exclusive) {
        const Attribute& attribute = *shared_attribute(*one->term, *other->term);
        const Judgement otherwise = attribute.is_kept ? Judgement::distinct : kind_by_slot(*one, *other);
        reasons.push_back(said("attribute", attribute.is_replaced ? Judgement::update : otherwise,
                               "another " + attribute.name, one->surface, other->surface));
    }
}

// "Moved from Berlin to Lisbon", "no longer", "instead".
void find_change(const Comparison& comparison, Reasons& reasons) {
    const std::string cue_a = cue_of(*comparison.a);
    const std::string cue_b = cue_of(*comparison.b);
    if (cue_a.empty() != cue_b.empty()) {
        reasons.push_back(one_sided("change", Judgement::update, "a change is told", cue_a.empty() ? cue_b : cue_a));
    }
}

void find_names(const Comparison& comparison, Reasons& reasons) {
    const Leftovers left = of_names(comparison.rest_a, true);
    const Leftovers right = of_names(comparison.rest_b, true);
    if (!left.empty() && !right.empty()) {
        reasons.push_back(
            said("name", kind_by_slot(*left[0], *right[0]), "another name", left[0]->surface, right[0]->surface));
    } else if (left.size() != right.size() && !comparison.is_restated) {
        reasons.push_back(one_sided("name", Judgement::distinct, "name", (left.empty() ? right : left)[0]->surface));
    }
}

void find_wording(const Comparison& comparison, Reasons& reasons) {
    if (comparison.is_restated) {
        return;
    }
    const Leftovers left = of_names(comparison.rest_a, false);
    const Leftovers right = of_names(comparison.rest_b, false);
    if (!left.empty() && !right.empty()) {
        reasons.push_back(said("wording", Judgement::distinct, "another word", left[0]->surface, right[0]->surface));
        return;
    }
    Reason detail{"detail", Judgement::distinct, "said in one text only: ", {}};
    for (const Item* item : left.empty() ? right : left) {
        if (item->kind != Kind::symbol && detail.words.size() < kMostNamed) {
            detail.sentence.append(detail.words.empty() ? "{!r}" : ", {!r}");
            detail.words.push_back(item->surface);
        }
    }
    if (!detail.words.empty()) {
        reasons.push_back(std::move(detail));
    }
}

}  // namespace khala::text
