#include "vec/cluster_checks.hpp"

#include <cmath>
#include <cstdint>
#include <string>

#include "vec/invalid.hpp"

namespace khala::vec {
namespace {

using base::Status;

bool in_range(std::int64_t row, std::size_t rows) {
    return row >= 0 && static_cast<std::size_t>(row) < rows;
}

}  // namespace

Status check_pairs(const PairColumns& pairs, std::size_t rows) {
    if (pairs.left.size() != pairs.right.size() || pairs.left.size() != pairs.cosine.size()) {
        return invalid("pairs", "the columns have " + std::to_string(pairs.left.size()) + ", " +
                                    std::to_string(pairs.right.size()) + " and " + std::to_string(pairs.cosine.size()) +
                                    " elements");
    }
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        if (!in_range(pairs.left[index], rows) || !in_range(pairs.right[index], rows)) {
            return invalid("pairs", "pair " + std::to_string(index) + " names row " +
                                        std::to_string(in_range(pairs.left[index], rows) ? pairs.right[index]
                                                                                         : pairs.left[index]) +
                                        ", and there are " + std::to_string(rows) + " rows");
        }
        if (pairs.left[index] == pairs.right[index]) {
            return invalid("pairs", "pair " + std::to_string(index) + " is row " + std::to_string(pairs.left[index]) +
                                        " with itself");
        }
        if (!std::isfinite(pairs.cosine[index])) {
            return invalid("pairs", "the cosine of pair " + std::to_string(index) + " is not finite");
        }
    }
    return {};
}

Status check_representatives(Representatives representative, std::size_t rows) {
    if (representative.empty()) {
        return {};
    }
    if (representative.size() != rows) {
        return invalid("representative",
                       std::to_string(representative.size()) + " elements for " + std::to_string(rows) + " rows");
    }
    for (std::size_t row = 0; row < rows; ++row) {
        const std::int64_t owner = representative[row];
        if (!in_range(owner, rows) || representative[static_cast<std::size_t>(owner)] != owner) {
            return invalid("representative", "row " + std::to_string(row) + " is represented by " +
                                                 std::to_string(owner) + ", which does not represent itself");
        }
    }
    return {};
}

}  // namespace khala::vec
