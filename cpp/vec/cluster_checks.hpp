// What all kinds of clusters ask of their arguments. Not for other folders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/cluster.hpp"

namespace khala::vec {

[[nodiscard]] base::Status check_pairs(const PairColumns& pairs, std::size_t rows);
[[nodiscard]] base::Status check_representatives(Representatives representative, std::size_t rows);

// Rows from the lowest rank to the highest, or the error that names two equal ones.
[[nodiscard]] base::Result<std::vector<std::size_t>> order_by_rank(std::span<const std::int64_t> rank);

// The row that stands for `row`.
[[nodiscard]] inline std::size_t owner_of(Representatives representative, std::size_t row) {
    return representative.empty() ? row : static_cast<std::size_t>(representative[row]);
}

}  // namespace khala::vec
