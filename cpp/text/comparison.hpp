// Two texts laid side by side: what each has that the other lacks, and how those leftovers relate.
//
// This is the one comparison of a judgement; every detector reads it and none compares again. Leftover words are paired
// with each other, best relation first: the same word in another form, a synonym, an opposite, another value of the
// same attribute. What finds no partner is unexplained.
#pragma once

#include <utility>
#include <vector>

#include "text/features.hpp"

namespace khala::text {

using ItemPair = std::pair<const Item*, const Item*>;
using Leftovers = std::vector<const Item*>;

// Borrows both texts. "a" is always the first.
struct Comparison {
    const Features* a = nullptr;
    const Features* b = nullptr;
    Leftovers values_a;  // values only one side has
    Leftovers values_b;
    std::vector<ItemPair> same;       // leftover words that mean the same
    std::vector<ItemPair> opposite;   // that mean the opposite of each other
    std::vector<ItemPair> exclusive;  // that are different values of one attribute
    Leftovers rest_a;                 // unexplained words
    Leftovers rest_b;
    bool is_restated = false;  // the unexplained words are but another wording (restated.hpp)
};

[[nodiscard]] Comparison compare(const Features& a, const Features& b);

// The term of `a` that means the same as one of `b`, by the pairs of `same`; the term itself if none does.
[[nodiscard]] const Term& renamed(const std::vector<ItemPair>& same, const Term& term);

}  // namespace khala::text
