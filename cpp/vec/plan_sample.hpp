// What codes would leave of the pairs of a sample. Not for other folders.
#pragma once

#include <cstddef>

#include "vec/codes.hpp"

namespace khala::vec {

// Share of the sampled pairs that codes of `count` coordinates cannot rule out; `limit`: square_limit() of the
// threshold, slack included.
[[nodiscard]] double passing(const Projected& left, const Projected& right, const CodeModel& model, std::size_t count,
                             double limit, const KernelTable& kernels);

}  // namespace khala::vec
