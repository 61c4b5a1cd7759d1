#include "vec/cluster.hpp"

#include <cstddef>
#include <limits>
#include <numeric>

#include "vec/cluster_checks.hpp"

namespace khala::vec {
namespace {

// Neighbours of each row in both directions (CSR), copies replaced by their representatives.
class Graph {
public:
    Graph(const PairColumns& pairs, Representatives representative, std::size_t rows) : offsets_(rows + 1) {
        const auto each_edge = [&](auto&& visit) {
            for (std::size_t index = 0; index < pairs.left.size(); ++index) {
                const std::size_t a = owner_of(representative, static_cast<std::size_t>(pairs.left[index]));
                const std::size_t b = owner_of(representative, static_cast<std::size_t>(pairs.right[index]));
                if (a != b) {
                    visit(a, Edge{b, pairs.cosine[index]});
                    visit(b, Edge{a, pairs.cosine[index]});
                }
            }
        };
        each_edge([&](std::size_t from, const Edge&) { ++offsets_[from + 1]; });
        std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
        edges_.resize(offsets_.back());
        std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
        each_edge([&](std::size_t from, const Edge& edge) { edges_[next[from]++] = edge; });
    }

    struct Edge {
        std::size_t to = 0;
        double cosine = 0;
    };

    [[nodiscard]] std::span<const Edge> from(std::size_t row) const {
        return std::span{edges_}.subspan(offsets_[row], offsets_[row + 1] - offsets_[row]);
    }

private:
    std::vector<std::size_t> offsets_;
    std::vector<Edge> edges_;
};

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// The most similar canonical neighbour; equal cosines: the better rank.
Graph::Edge nearest_canonical(std::span<const Graph::Edge> edges, const std::vector<std::size_t>& head,
                              std::span<const std::int64_t> rank) {
    Graph::Edge best{kNone, 0};
    for (const Graph::Edge& edge : edges) {
        if (head[edge.to] == kNone) {
            continue;
        }
        if (best.to == kNone || edge.cosine > best.cosine ||
            (edge.cosine == best.cosine && rank[head[edge.to]] < rank[head[best.to]])) {
            best = edge;
        }
    }
    return best;
}

}  // namespace

base::Result<Stars> star_clusters(const PairColumns& pairs, std::span<const std::int64_t> rank,
                                  Representatives representative) {
    const std::size_t rows = rank.size();
    KHALA_TRY(check_pairs(pairs, rows));
    KHALA_TRY(check_representatives(representative, rows));
    KHALA_TRY_ASSIGN(const std::vector<std::size_t> order, order_by_rank(rank));
    const Graph graph{pairs, representative, rows};

    // head[owner]: the canonical row of a star whose centre is that representative; copies share one centre.
    std::vector<std::size_t> head(rows, kNone);
    std::vector<bool> covered(rows, false);
    Stars stars;
    for (const std::size_t row : order) {
        const std::size_t owner = owner_of(representative, row);
        if (covered[owner]) {
            continue;
        }
        covered[owner] = true;
        head[owner] = row;
        ++stars.clusters;
        for (const Graph::Edge& edge : graph.from(owner)) {
            covered[edge.to] = true;
        }
    }

    stars.canonical.resize(rows);
    stars.cosine.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t owner = owner_of(representative, row);
        const Graph::Edge star =
            head[owner] != kNone ? Graph::Edge{owner, 1.0} : nearest_canonical(graph.from(owner), head, rank);
        stars.canonical[row] = static_cast<std::int64_t>(head[star.to]);
        stars.cosine[row] = star.cosine;
    }
    return stars;
}

}  // namespace khala::vec
