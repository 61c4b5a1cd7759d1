// Detector of the small words that tell where, when and on what condition.
#include <algorithm>
#include <string>
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

}  // namespace

void find_relations(const Comparison& comparison, Reasons& reasons) {
    const auto only_a = only_links(comparison.a->links, comparison.b->links);
    const auto only_b = only_links(comparison.b->links, comparison.a->links);
    for (const Term* one : only_a) {
        for (const Term* other : only_b) {
            if (opposite(*one, *other) || is_elsewhere(*one, *other)) {
                reasons.push_back(said("relation", Judgement::conflict, "relation", one->key, other->key));
                return;
            }
        }
    }
}

}  // namespace khala::text
