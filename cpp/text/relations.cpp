// Detector of the small words that tell where, when and on what condition.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "text/detectors.hpp"

namespace khala::text {
namespace {

// The small words of one text beyond those of the other, ascending by key.
std::vector<const Term*> only_links(const Bag& links, const Bag& others) {
    std::vector<const Term*> only;
    for (const Counted& link : links) {
        const bool is_first = only.empty() || !equal(*only.back(), *link.term);
        if (link.occurrence >= count_of(others, *link.term) && is_first) {
            only.push_back(link.term);
        }
    }
    std::ranges::sort(only, {}, [](const Term* term) -> const std::string& { return term->key; });
    return only;
}

// Another place or time by a word that is never mere style: "on the table", "under the table".
bool is_elsewhere(const Term& one, const Term& other) {
    const auto both = [&](Mark mark) { return one.marks.has(mark) && other.marks.has(mark); };
    const auto either = [&](Mark mark) { return one.marks.has(mark) || other.marks.has(mark); };
    const bool is_placed = both(Mark::place) && either(Mark::firm_place);
    const bool is_timed = both(Mark::time) && either(Mark::firm_time);
    return (is_placed || is_timed) && !same(one, other);
}

// The noun at the end of what stands behind the small word: "within our budget".
const Item* noun_behind(const Features& features, const Term& link) {
    const auto& items = features.items;
    auto at = std::ranges::find_if(items, [&](const Item& item) { return has_link(item.links, link.key); });
    while (at != items.end() && std::next(at) != items.end() && std::next(at)->is_joined && !std::next(at)->is_verb) {
        ++at;
    }
    return at == items.end() ? nullptr : &*at;
}

bool is_time(const Item& item) {
    const auto is_unit = [](const Attribute& attribute) { return attribute.name == "unit"; };
    return is_value(item.kind) || std::ranges::any_of(item.term->attributes, is_unit);
}

// "Over budget", "within budget"; "above the limit", "at the limit". But "over the last year" is "within the last
// year".
bool are_beyond_and_within(const Item* over, const Item* within, const Term& over_link, const Term& within_link) {
    const bool exceeds = over_link.comparator == '+' || over_link.key == "beyond";
    if (!exceeds || over == nullptr || within == nullptr || !equal(*over->term, *within->term) || is_time(*over)) {
        return false;
    }
    const std::string_view key = within_link.key;
    const bool is_held = key == "on" || key == "in" || key == "at";
    return key == "within" || key == "inside" || (is_held && over->term->marks.has(Mark::limit));
}

bool is_beyond(const Comparison& comparison, const Term& one, const Term& other) {
    const Item* noun_a = noun_behind(*comparison.a, one);
    const Item* noun_b = noun_behind(*comparison.b, other);
    return are_beyond_and_within(noun_a, noun_b, one, other) || are_beyond_and_within(noun_b, noun_a, other, one);
}

}  // namespace

void find_relations(const Comparison& comparison, Reasons& reasons) {
    const auto only_a = only_links(comparison.a->links, comparison.b->links);
    const auto only_b = only_links(comparison.b->links, comparison.a->links);
    for (const Term* one : only_a) {
        for (const Term* other : only_b) {
            if (opposite(*one, *other) || is_elsewhere(*one, *other) || is_beyond(comparison, *one, *other)) {
                reasons.push_back(said("relation", Judgement::conflict, "relation", one->key, other->key));
                return;
            }
        }
    }
}

}  // namespace khala::text
