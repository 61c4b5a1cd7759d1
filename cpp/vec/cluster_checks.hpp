// What star_clusters and components ask of their arguments. Not for other folders.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "vec/cluster.hpp"

namespace khala::vec {

[[nodiscard]] base::Status check_pairs(const PairColumns& pairs, std::size_t rows);
[[nodiscard]] base::Status check_representatives(Representatives representative, std::size_t rows);

// The row that stands for `row`.
[[nodiscard]] inline std::size_t owner_of(Representatives representative, std::size_t row) {
    return representative.empty() ? row : static_cast<std::size_t>(representative[row]);
}

}  // namespace khala::vec
