#include "text/comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "text/restated.hpp"

namespace khala::text {
namespace {

// More leftover words than this are not paired up: such texts differ anyway, and pairing is quadratic.
constexpr std::size_t kMostLeftover = 24;

bool owns_nothing(const Features& features) {
    return std::ranges::none_of(features.links, [](const Counted& link) { return link.term->marks.has(Mark::owning); });
}

void take_leftovers(const Features& features, const Bag& others, Leftovers& words, Leftovers& values) {
    for (const Item& item : features.items) {
        if (item.kind != Kind::pronoun && item.occurrence >= count_of(others, *item.term)) {
            (is_value(item.kind) ? values : words).push_back(&item);
        }
    }
}

// The first that is equal, wherever it stands: equal items are told apart by nothing that counts.
void remove(Leftovers& items, const Item& item) {
    items.erase(std::ranges::find_if(items, [&](const Item* other) { return equal(*other, item); }));
}

// Takes two leftovers of one side that together are one of the other: "data base" and "database".
void join_parts(Leftovers& parts, Leftovers& wholes, std::vector<ItemPair>& found) {
    const Leftovers all = wholes;
    for (const Item* whole : all) {
        const auto is_whole = [&](const Item* first, const Item* second) {
            const std::string& one = first->term->key;
            const std::string_view key = whole->term->key;
            return key.size() == one.size() + second->term->key.size() && key.starts_with(one) &&
                   key.ends_with(second->term->key);
        };
        const auto at = std::ranges::adjacent_find(parts, is_whole);
        if (at != parts.end()) {
            const Item& first = **at;
            const Item& second = **std::next(at);
            found.emplace_back(&first, whole);
            remove(wholes, *whole);
            remove(parts, first);
            remove(parts, second);
        }
    }
}

// Takes related items out of both lists, first come first served.
template <typename Related>
void pair_up(Leftovers& left, Leftovers& right, std::vector<ItemPair>& found, Related related) {
    const Leftovers all = left;
    for (const Item* one : all) {
        const auto other =
            std::ranges::find_if(right, [&](const Item* item) { return related(*one->term, *item->term); });
        if (other != right.end()) {
            const Item& partner = **other;
            found.emplace_back(one, &partner);
            remove(left, *one);
            remove(right, partner);
        }
    }
}

// Relates "plays" to "is a player", but not to "Bob's player": that names another party.
struct AgentOf {
    bool a_owns_nothing;
    bool b_owns_nothing;

    bool operator()(const Term& one, const Term& other) const {
        if (is_agent(one.key, other.key)) {
            return a_owns_nothing;
        }
        return is_agent(other.key, one.key) && b_owns_nothing;
    }
};

bool is_listed(const Item& item, const Features& own) {
    const auto lists = [](const std::vector<TermRef>& links) {
        return std::ranges::any_of(links, [](const TermRef& link) { return link->key == "and" || link->key == "or"; });
    };
    const auto at = std::ranges::find_if(own.items, [&](const Item& listed) { return equal(listed, item); });
    const auto after = std::next(at);
    return lists(item.links) || (after != own.items.end() && lists(after->links));
}

// Whether the other text says it with a word that both have ("short, concise"), or with a light verb.
bool is_covered(const Item& item, const Features& own, const Features& others) {
    // One of several ("cooking and baking") counts for itself.
    if (has_marked(item.links, Mark::owning) || is_listed(item, own)) {
        return false;
    }
    const auto says = [&](const std::string& verb) {
        if (verb == "'s") {
            return !owns_nothing(others) && owns_nothing(own);
        }
        // "is located in" against "is in": the "be" of a passive belongs to the verb that is missing there.
        return contains(others.light_verbs, verb) && (item.is_passive || !contains(own.light_verbs, verb));
    };
    if (std::ranges::any_of(item.term->hollow, says)) {
        return true;
    }
    return std::ranges::any_of(
        others.items, [&](const Item& other) { return other.kind == Kind::word && same(*item.term, *other.term); });
}

void explain(Leftovers& items, const Features& own, const Features& others) {
    std::erase_if(items,
                  [&](const Item* item) { return has_term(others, *item->term) || is_covered(*item, own, others); });
}

}  // namespace

const Term& renamed(const std::vector<ItemPair>& same, const Term& term) {
    const auto latest =
        std::find_if(same.rbegin(), same.rend(), [&](const ItemPair& pair) { return equal(*pair.second->term, term); });
    return latest == same.rend() ? term : *latest->first->term;
}

Comparison compare(const Features& a, const Features& b) {
    Comparison found;
    found.a = &a;
    found.b = &b;
    if (equal(a.bag, b.bag)) {
        return found;
    }
    take_leftovers(a, b.bag, found.rest_a, found.values_a);
    take_leftovers(b, a.bag, found.rest_b, found.values_b);
    if (found.rest_a.size() <= kMostLeftover && found.rest_b.size() <= kMostLeftover) {
        join_parts(found.rest_a, found.rest_b, found.same);
        join_parts(found.rest_b, found.rest_a, found.same);
        pair_up(found.rest_a, found.rest_b, found.same, same);
        pair_up(found.rest_a, found.rest_b, found.opposite, opposite);
        pair_up(found.rest_a, found.rest_b, found.exclusive,
                [](const Term& one, const Term& other) { return shared_attribute(one, other) != nullptr; });
        pair_up(found.rest_a, found.rest_b, found.same, AgentOf{owns_nothing(a), owns_nothing(b)});
        // What one text says once more than the other is no difference any longer, now that nothing stands against it.
        explain(found.rest_a, a, b);
        explain(found.rest_b, b, a);
    }
    found.is_restated = is_restated(found);
    return found;
}

}  // namespace khala::text
