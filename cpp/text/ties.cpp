#include "text/ties.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "text/utf8.hpp"

namespace khala::text {
namespace {

using Row = std::span<const Item>;
using Parties = std::optional<std::pair<std::string, std::string>>;

constexpr std::size_t kCode = 3;  // letters of a currency or an airport

bool is_code(const Item& item) {
    return item.surface.size() == kCode && std::ranges::all_of(item.surface, is_upper);
}

bool is_mutual(const Item& item) {
    return item.term->marks.has(Mark::mutual) || item.term->marks.has(Mark::symmetric);
}

// Whether the order of a row of joined items says something; `behind` is the rest of the text.
bool is_ordered(Row chain, Row behind) {
    const bool goes_on = !behind.empty() && behind.front().is_joined;
    const bool has_noun = goes_on && !behind.front().is_verb;
    if (goes_on && is_mutual(behind.front())) {
        return false;
    }
    const auto is_loose = [](const Item& item) { return item.tie == '/' || item.tie == '~'; };
    if (std::ranges::none_of(chain, is_loose) || std::ranges::all_of(chain, is_code)) {
        return true;
    }
    return has_noun && std::ranges::all_of(chain, [](const Item& item) { return item.kind == Kind::name; });
}

// A name may be of several words: "New York-Boston".
bool continues_name(Row row, std::size_t at) {
    return row[at].is_joined && row[at].kind == Kind::name && row[at - 1].kind == Kind::name;
}

std::vector<Row> chains_of(Row row) {
    std::vector<Row> found;
    for (std::size_t at = 1; at < row.size(); ++at) {
        if (row[at].tie == '\0') {
            continue;
        }
        std::size_t begin = at - 1;
        while (begin > 0 && continues_name(row, begin)) {
            --begin;
        }
        while (at + 1 < row.size() && (row[at + 1].tie != '\0' || continues_name(row, at + 1))) {
            ++at;
        }
        const Row chain = row.subspan(begin, at + 1 - begin);
        if (is_ordered(chain, row.subspan(at + 1))) {
            found.push_back(chain);
        }
    }
    return found;
}

// What the second text says counts as the first says it.
struct Equal {
    const std::vector<ItemPair>& same;

    bool operator()(const Item& of_a, const Item& of_b) const { return equal(*of_a.term, renamed(same, *of_b.term)); }
};

// Whether each has every part of the other: "Oslo-Bergen-Oslo" and "Bergen-Oslo-Bergen" count them differently.
bool hold_the_same(Row of_a, Row of_b, const Equal& equal_here) {
    const auto is_in_b = [&](const Item& one) {
        return std::ranges::any_of(of_b, [&](const Item& other) { return equal_here(one, other); });
    };
    const auto is_in_a = [&](const Item& other) {
        return std::ranges::any_of(of_a, [&](const Item& one) { return equal_here(one, other); });
    };
    return std::ranges::all_of(of_a, is_in_b) && std::ranges::all_of(of_b, is_in_a);
}

}  // namespace

Parties retied(const Comparison& comparison) {
    const std::vector<Row> chains_a = chains_of(comparison.a->items);
    const std::vector<Row> chains_b = chains_a.empty() ? std::vector<Row>{} : chains_of(comparison.b->items);
    const Equal equal_here{comparison.same};
    const auto is_it = [&](Row one, Row other) { return std::ranges::equal(one, other, equal_here); };
    for (const Row one : chains_a) {
        // One that the other text has as well has not been turned: "Oslo-Bergen and Bergen-Oslo".
        if (std::ranges::any_of(chains_b, [&](Row other) { return is_it(one, other); })) {
            continue;
        }
        const auto is_turned = [&](Row other) {
            return hold_the_same(one, other, equal_here) &&
                   std::ranges::none_of(chains_a, [&](Row known) { return is_it(known, other); });
        };
        if (std::ranges::any_of(chains_b, is_turned)) {
            return std::pair{one.front().surface, one.back().surface};
        }
    }
    return std::nullopt;
}

}  // namespace khala::text
