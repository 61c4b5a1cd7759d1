#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vec/cluster.hpp"
#include "vec/cluster_checks.hpp"

namespace khala::vec {
namespace {

// Union by best rank, so that the root of a component is its canonical row.
class Forest {
public:
    explicit Forest(std::span<const std::int64_t> rank) : rank_{rank}, parent_(rank.size()) {
        std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    }

    std::size_t find(std::size_t row) {
        while (parent_[row] != row) {
            parent_[row] = parent_[parent_[row]];
            row = parent_[row];
        }
        return row;
    }
    void join(std::size_t a, std::size_t b) {
        std::size_t best = find(a);
        std::size_t other = find(b);
        if (rank_[other] < rank_[best]) {
            std::swap(best, other);
        }
        parent_[other] = best;
    }

private:
    std::span<const std::int64_t> rank_;
    std::vector<std::size_t> parent_;
};

}  // namespace

base::Result<std::vector<std::int64_t>> component_clusters(const PairColumns& pairs, std::span<const std::int64_t> rank,
                                                           Representatives representative) {
    const std::size_t rows = rank.size();
    KHALA_TRY(check_pairs(pairs, rows));
    KHALA_TRY(check_representatives(representative, rows));
    KHALA_TRY(order_by_rank(rank));
    Forest forest{rank};
    for (std::size_t row = 0; row < rows; ++row) {
        forest.join(row, owner_of(representative, row));
    }
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        forest.join(static_cast<std::size_t>(pairs.left[index]), static_cast<std::size_t>(pairs.right[index]));
    }
    std::vector<std::int64_t> canonical(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        canonical[row] = static_cast<std::int64_t>(forest.find(row));
    }
    return canonical;
}

}  // namespace khala::vec
