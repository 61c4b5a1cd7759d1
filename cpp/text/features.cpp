#include "text/features.hpp"

#include <algorithm>

namespace khala::text {
namespace {

// Terms with the number of their occurrence, since "2 cats and 2 dogs" is not "2 cats and dogs".
void number(Bag& bag) {
    std::ranges::sort(bag, [](const Counted& a, const Counted& b) { return before(*a.term, *b.term); });
    for (std::size_t at = 1; at < bag.size(); ++at) {
        bag[at].occurrence = equal(*bag[at].term, *bag[at - 1].term) ? bag[at - 1].occurrence + 1 : 0;
    }
}

}  // namespace

void count_items(Features& features) {
    features.bag.reserve(features.items.size());
    for (Item& item : features.items) {
        features.keys.push_back(item.term.get());
        if (item.kind != Kind::pronoun) {
            const Term& term = *item.term;
            item.occurrence = static_cast<std::uint32_t>(
                std::ranges::count_if(features.bag, [&](const Counted& one) { return equal(*one.term, term); }));
            features.bag.push_back({&term, 0});
        }
        for (const TermRef& link : item.links) {
            features.links.push_back({link.get(), 0});
        }
    }
    for (const TermRef& link : features.last_links) {
        features.links.push_back({link.get(), 0});
    }
    number(features.bag);
    number(features.links);
    std::ranges::sort(features.keys, [](const Term* a, const Term* b) { return before(*a, *b); });
    const auto last = std::unique(features.keys.begin(), features.keys.end(),
                                  [](const Term* a, const Term* b) { return equal(*a, *b); });
    features.keys.erase(last, features.keys.end());
}

bool equal(const std::vector<TermRef>& one, const std::vector<TermRef>& other) {
    return std::ranges::equal(one, other, [](const TermRef& a, const TermRef& b) { return equal(*a, *b); });
}

bool equal(const Item& one, const Item& other) {
    return &one == &other ||
           (equal(*one.term, *other.term) && one.surface == other.surface && one.kind == other.kind &&
            equal(one.links, other.links) && one.is_verb == other.is_verb && one.tense == other.tense &&
            one.is_passive == other.is_passive && one.is_joined == other.is_joined && one.amount == other.amount &&
            one.auxiliary == other.auxiliary && one.quantity == other.quantity && one.tie == other.tie);
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
