// How much of a memory's importance is left after some time: columns in, columns out.
//
//   khala_compat   importance * exp(-age / half_life)     KHALA's formula. Its "half-life" is an e-folding time: after
//                                                         one of them 36.8 % are left, not 50 %
//   half_life      importance * 2^(-age / half_life)      half is left after one half-life
//
// Scores are capped at 1, as KHALA caps them. Bit-compatible with Python: each element is computed by the C library's
// exp and exp2 on doubles, which are the ones behind math.exp and math.exp2, in the order in which KHALA writes it.
//
// An age that is negative (a time stamp in the future) or NaN (none known) counts as 0: a memory whose age is in doubt
// keeps its importance and so is never archived for that. How many there were is reported.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace khala::vec {

enum class DecayModel : std::uint8_t { khala_compat, half_life };

// One element for each memory in every column. Any unit of time, the same in both.
struct DecayColumns {
    std::span<const double> importance;  // finite, 0 or more
    std::span<const double> age;
    std::span<const double> half_life;  // finite, more than 0
};

struct Decay {
    std::vector<double> score;
    std::int64_t future_count = 0;   // ages below 0, taken as 0
    std::int64_t unknown_count = 0;  // ages that are NaN, taken as 0
};

// Errors: invalid_argument that names the column, the first bad row and the limit.
[[nodiscard]] base::Result<Decay> decay_scores(const DecayColumns& columns, DecayModel model);

// KHALA's slower decay of what is used often: base * (1 + log(access_count + 1) * 0.5), in the unit of `base`.
// Errors: invalid_argument (lengths; base not finite or <= 0; access_count < 0).
[[nodiscard]] base::Result<std::vector<double>> accessed_half_lives(std::span<const double> base,
                                                                    std::span<const std::int64_t> access_count);

}  // namespace khala::vec
