// The verdict on two texts that were read. The burden of proof is on "duplicate": a pair is one only if each difference
// between the two texts is explained.
#pragma once

#include "text/features.hpp"
#include "text/verdict.hpp"

namespace khala::text {

// Below this cosine unequal texts are distinct whatever their words.
inline constexpr double kSimilarityFloor = 0.5;

// Texts that are equal are duplicates at any cosine.
[[nodiscard]] Verdict judge(const Features& a, const Features& b, double cosine);

}  // namespace khala::text
