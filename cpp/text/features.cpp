#include "text/features.hpp"

#include <algorithm>

namespace khala::text {

bool equal(const std::vector<TermRef>& one, const std::vector<TermRef>& other) {
    return std::ranges::equal(one, other, [](const TermRef& a, const TermRef& b) { return equal(*a, *b); });
}

bool equal(const Item& one, const Item& other) {
    return &one == &other ||
           (equal(*one.term, *other.term) && one.surface == other.surface && one.kind == other.kind &&
            equal(one.links, other.links) && one.is_verb == other.is_verb && one.tense == other.tense &&
            one.is_passive == other.is_passive && one.is_joined == other.is_joined && one.amount == other.amount &&
            one.auxiliary == other.auxiliary && one.quantity == other.quantity);
}

bool has_term(const Features& features, const Term& term) {
    const auto at =
        std::ranges::lower_bound(features.keys, &term, [](const Term* a, const Term* b) { return before(*a, *b); });
    return at != features.keys.end() && equal(**at, term);
}

std::size_t count_of(const Bag& bag, const Term& term) {
    const auto is_before = [](const Counted& a, const Counted& b) { return before(*a.term, *b.term); };
    const auto [first, last] = std::equal_range(bag.begin(), bag.end(), Counted{&term, 0}, is_before);
    return static_cast<std::size_t>(last - first);
}

bool equal(const Bag& one, const Bag& other) {
    return std::ranges::equal(one, other, [](const Counted& a, const Counted& b) {
        return a.occurrence == b.occurrence && equal(*a.term, *b.term);
    });
}

bool has_kind(const Features& features, Kind kind) {
    return std::ranges::any_of(features.items, [kind](const Item& item) { return item.kind == kind; });
}

bool has_link(const std::vector<TermRef>& links, std::string_view key) {
    return std::ranges::any_of(links, [key](const TermRef& link) { return link->key == key; });
}

bool has_marked(const std::vector<TermRef>& links, Mark mark) {
    return std::ranges::any_of(links, [mark](const TermRef& link) { return link->marks.has(mark); });
}

bool contains(const std::vector<std::string>& sorted, std::string_view name) {
    return std::ranges::binary_search(sorted, name);
}

const Tag* find_tag(const std::vector<Tag>& tags, std::string_view name) {
    const auto found = std::ranges::find(tags, name, &Tag::name);
    return found == tags.end() ? nullptr : &*found;
}

}  // namespace khala::text
