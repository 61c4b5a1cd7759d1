#include "vec/cluster_checks.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

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

base::Result<std::vector<std::size_t>> order_by_rank(std::span<const std::int64_t> rank) {
    std::vector<std::size_t> order(rank.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::pair{rank[a], a} < std::pair{rank[b], b};
    });
    const auto tie = std::adjacent_find(order.begin(), order.end(),
                                        [&](std::size_t a, std::size_t b) { return rank[a] == rank[b]; });
    if (tie != order.end()) {
        return invalid("rank", "rows " + std::to_string(*tie) + " and " + std::to_string(*std::next(tie)) +
                                   " have the same rank " + std::to_string(rank[*tie]) + "; a total order is needed");
    }
    return order;
}

}  // namespace khala::vec
