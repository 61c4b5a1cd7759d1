#include "text/bindings.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

namespace khala::text {
namespace {

using Row = std::span<const Item>;
using Place = std::optional<std::size_t>;
using Parties = std::optional<std::pair<std::string, std::string>>;

constexpr std::string_view kOnly = "only";

bool is_binding(const Term& link) {
    // Either half may go to the clause behind "who": "she, who lives here, teaches", "she, who teaches, lives here".
    const bool is_free = link.marks.has(Mark::listing) || link.marks.has(Mark::clause_end) || link.key == "who";
    return (link.marks.has(Mark::relation) || link.marks.has(Mark::title)) && !is_free;
}

bool may_be_verb(const Item& item) {
    return item.term->marks.has(Mark::verb);
}

// The one item that `counts`; nothing if several do.
template <typename Counts>
Place only_item(Row row, Counts counts) {
    const auto first = std::ranges::find_if(row, counts);
    if (first == row.end() || std::any_of(std::next(first), row.end(), counts)) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(first - row.begin());
}

// Behind the phrase and the list that begin at a place: "a big red car", "tea, milk and rum". Commas alone make no
// list: "for Ada, Bob cooked".
std::size_t group_end(Row row, std::size_t at) {
    std::size_t end = at + 1;
    bool is_phrase = true;
    for (std::size_t next = end; next < row.size(); ++next) {
        const auto& links = row[next].links;
        const auto is_listing = [](const TermRef& link) { return link->marks.has(Mark::listing); };
        const auto is_word = [](const TermRef& link) { return link->marks.has(Mark::listing) && link->key != ","; };
        const bool goes_on =
            row[next].is_joined ? !may_be_verb(row[next]) : !links.empty() && std::ranges::all_of(links, is_listing);
        if (!goes_on) {
            break;
        }
        is_phrase = is_phrase && row[next].is_joined;
        if (is_phrase || std::ranges::any_of(links, is_word)) {
            end = next + 1;
        }
    }
    return end;
}

class Bindings {
public:
    explicit Bindings(const Comparison& comparison)
        : same_{comparison.same}, a_{comparison.a->items}, b_{comparison.b->items} {}

    [[nodiscard]] Parties of_links() const {
        for (const Item& item : a_) {
            for (const TermRef& link : item.links) {
                if (!is_binding(*link)) {
                    continue;
                }
                const auto is_behind = [&](const Item& other) {
                    return std::ranges::any_of(other.links, [&](const TermRef& one) { return equal(*one, *link); });
                };
                if (Parties moved = between(only_item(a_, is_behind), only_item(b_, is_behind))) {
                    return moved;
                }
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] Parties of_quantities() const {
        for (const Item& item : a_) {
            if (item.quantity.empty()) {
                continue;
            }
            const auto is_limited = [&](const Item& other) { return other.quantity == item.quantity; };
            const Place at_a = only_item(a_, is_limited);
            const Place at_b = only_item(b_, is_limited);
            if (at_a && at_b && !may_float(item.quantity, *at_a, *at_b)) {
                if (Parties moved = between(at_a, at_b)) {
                    return moved;
                }
            }
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] bool equal_here(const Item& of_a, const Item& of_b) const {
        return equal(*of_a.term, renamed(same_, *of_b.term));
    }

    [[nodiscard]] Place place_in(Row row, const Item& sought, bool is_of_a) const {
        const auto found = std::ranges::find_if(
            row, [&](const Item& here) { return is_of_a ? equal_here(sought, here) : equal_here(here, sought); });
        return found == row.end() ? Place{} : Place{static_cast<std::size_t>(found - row.begin())};
    }

    // Both texts have both things, and what stood before one stands before the other.
    [[nodiscard]] Parties between(Place at_a, Place at_b) const {
        if (!at_a || !at_b || equal_here(a_[*at_a], b_[*at_b])) {
            return std::nullopt;
        }
        if (is_value(a_[*at_a].kind) != is_value(b_[*at_b].kind)) {
            return std::nullopt;  // "the budget of the project is 50 dollars", "the project has a budget of 50 dollars"
        }
        const Place other_in_a = place_in(a_, b_[*at_b], false);
        const Place other_in_b = place_in(b_, a_[*at_a], true);
        const auto is_within = [](Row row, std::size_t at, std::size_t other) {
            return other > at && other < group_end(row, at);
        };
        if (!other_in_a || !other_in_b || is_within(a_, *at_a, *other_in_a) || is_within(b_, *at_b, *other_in_b)) {
            return std::nullopt;
        }
        return std::pair{a_[*at_a].surface, b_[*at_b].surface};
    }

    // "I only drink water" is as well "I drink only water": before the verb the word may mean whatever follows. Of all
    // others no verb can be told from the thing: "they all like tea".
    [[nodiscard]] bool may_float(std::string_view quantity, std::size_t at_a, std::size_t at_b) const {
        const Item& one = a_[at_a];
        const Item& other = b_[at_b];
        if (quantity != kOnly) {
            return one.kind == Kind::pronoun || other.kind == Kind::pronoun || may_be_verb(one) || may_be_verb(other);
        }
        const auto follows = [this](Row row, std::size_t at, const Item& item, bool is_of_a) {
            const Place place = place_in(row, item, is_of_a);
            return may_be_verb(row[at]) && place && *place > at;
        };
        return follows(a_, at_a, other, false) || follows(b_, at_b, one, true);
    }

    const std::vector<ItemPair>& same_;
    Row a_;
    Row b_;
};

}  // namespace

Parties rebound(const Comparison& comparison) {
    const Bindings bindings{comparison};
    Parties moved = bindings.of_links();
    return moved ? moved : bindings.of_quantities();
}

}  // namespace khala::text
