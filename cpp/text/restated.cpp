#include "text/restated.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace khala::text {
namespace {

constexpr std::size_t kLeast = 5;          // items
constexpr std::size_t kLong = 8;           // from here on a text is long enough to leave out names and values
constexpr std::size_t kVeryLong = 10;      // from here on other words in the same place are style
constexpr double kShare = 2.0 / 5;         // of each text may be unexplained if both have unexplained words
constexpr double kLeftOutShare = 1.0 / 2;  // of one text may be left out by the other

bool is_specific(const Item* item) {
    return is_value(item->kind) || item->kind == Kind::name;
}

Leftovers told(const Leftovers& words, const Leftovers& values) {
    Leftovers all;
    for (const Leftovers* side : {&words, &values}) {
        std::ranges::copy_if(*side, std::back_inserter(all),
                             [](const Item* item) { return item->kind != Kind::symbol; });
    }
    return all;
}

std::size_t size_of(const Features& features) {
    return static_cast<std::size_t>(
        std::ranges::count_if(features.items, [](const Item& item) { return item.kind != Kind::pronoun; }));
}

bool has_share(const Leftovers& items, double share, std::size_t size) {
    return static_cast<double>(items.size()) <= share * static_cast<double>(size);
}

// The neighbors between which something stands; null for the beginning and the end of a text.
struct Gap {
    const Term* before = nullptr;
    const Term* after = nullptr;
};

bool equal_ends(const Term* one, const Term* other) {
    return one == other || (one != nullptr && other != nullptr && equal(*one, *other));
}

std::vector<Gap> gaps_of(const Features& features, const Leftovers& unexplained, const std::vector<ItemPair>& same) {
    std::vector<Gap> found;
    const Term* before = nullptr;
    bool is_inside = false;
    for (const Item& item : features.items) {
        if (item.kind == Kind::pronoun) {
            continue;
        }
        if (std::ranges::find(unexplained, &item) != unexplained.end()) {
            is_inside = true;
            continue;
        }
        const Term& term = renamed(same, *item.term);
        if (is_inside) {
            found.push_back({before, &term});
        }
        before = &term;
        is_inside = false;
    }
    if (is_inside) {
        found.push_back({before, nullptr});
    }
    return found;
}

bool share_a_gap(const Comparison& comparison, const Leftovers& left, const Leftovers& right) {
    const std::vector<Gap> ones = gaps_of(*comparison.a, left, {});
    const std::vector<Gap> others = gaps_of(*comparison.b, right, comparison.same);
    return std::ranges::any_of(ones, [&](const Gap& one) {
        return std::ranges::any_of(others, [&](const Gap& other) {
            return equal_ends(one.before, other.before) && equal_ends(one.after, other.after);
        });
    });
}

// Whether the other text may be silent about this.
bool may_leave_out(const Leftovers& extra, const Features& other, std::size_t shortest) {
    if (shortest < kLong) {
        return std::ranges::none_of(
            extra, [](const Item* item) { return is_specific(item) || !item->term->attributes.empty(); });
    }
    const auto is_name = [](const Item* item) { return item->kind == Kind::name; };
    if (contains(other.persons, "user") && std::ranges::any_of(extra, is_name)) {
        return false;  // the user's name, as like as not
    }
    // Another date beside the same date is told, not left out: "on Monday instead of Friday".
    return std::ranges::none_of(extra,
                                [&](const Item* item) { return is_value(item->kind) && has_kind(other, item->kind); });
}

}  // namespace

bool is_restated(const Comparison& comparison) {
    const Features& a = *comparison.a;
    const Features& b = *comparison.b;
    const Leftovers left = told(comparison.rest_a, comparison.values_a);
    const Leftovers right = told(comparison.rest_b, comparison.values_b);
    const std::size_t size_a = size_of(a);
    const std::size_t size_b = size_of(b);
    const std::size_t shortest = std::min(size_a, size_b);
    if (shortest < kLeast || (left.size() == 1 && right.size() == 1)) {
        return false;
    }
    const bool both_tell = !left.empty() && !right.empty();
    const double share = both_tell ? kShare : kLeftOutShare;
    if (!has_share(left, share, size_a) || !has_share(right, share, size_b)) {
        return false;
    }
    if (both_tell && shortest < kVeryLong && share_a_gap(comparison, left, right)) {
        return false;
    }
    const bool both_name = std::ranges::any_of(left, is_specific) && std::ranges::any_of(right, is_specific);
    return may_leave_out(left, b, shortest) && may_leave_out(right, a, shortest) && !both_name;
}

}  // namespace khala::text
