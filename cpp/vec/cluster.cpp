#include "vec/cluster.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "vec/join_parts.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

Error invalid(const char* field, std::string message) {
    return {ErrorCode::invalid_argument, field, std::move(message)};
}

bool in_range(std::int64_t row, std::size_t rows) {
    return row >= 0 && static_cast<std::size_t>(row) < rows;
}

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

std::size_t owner_of(Representatives representative, std::size_t row) {
    return representative.empty() ? row : static_cast<std::size_t>(representative[row]);
}

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

// Rows from the lowest rank to the highest.
base::Result<std::vector<std::size_t>> by_rank(std::span<const std::int64_t> rank) {
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
    KHALA_TRY_ASSIGN(const std::vector<std::size_t> order, by_rank(rank));
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

namespace {

// Union by lowest row, so that the label of a component is its lowest row.
class Forest {
public:
    explicit Forest(std::size_t rows) : parent_(rows) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }

    std::size_t find(std::size_t row) {
        while (parent_[row] != row) {
            parent_[row] = parent_[parent_[row]];
            row = parent_[row];
        }
        return row;
    }
    void join(std::size_t a, std::size_t b) {
        const auto [low, high] = std::minmax({find(a), find(b)});
        parent_[high] = low;
    }

private:
    std::vector<std::size_t> parent_;
};

// Keeps the lowest cosine of each component. Every pair is a hit here; float64 only looks at those that float32 cannot
// tell from the lowest so far.
class MinimumSink final : public Sink {
public:
    MinimumSink(const Decision& decision, std::span<const std::uint32_t> component, std::size_t components)
        : decision_{decision}, component_{component}, minimum_(components, 1.0) {}

    Status take(std::span<const Hit> hits) override {
        for (const Hit& hit : hits) {
            double& minimum = minimum_[component_[hit.left]];
            if (static_cast<double>(hit.dot) - decision_.tolerance <= minimum) {
                minimum = std::min(minimum, decision_.cosine(hit));
            }
        }
        return {};
    }

    [[nodiscard]] double minimum(std::size_t component) const noexcept { return minimum_[component]; }

private:
    const Decision& decision_;
    std::span<const std::uint32_t> component_;  // of each position
    std::vector<double> minimum_;
};

// Rows of components of two and more, component after component.
struct Layout {
    std::vector<std::uint32_t> order;
    std::vector<std::uint32_t> component;  // of each position
    std::vector<std::size_t> starts;
};

Layout lay_out(Components& result) {
    const auto label = [&](std::uint32_t row) { return result.label[row]; };
    Layout layout;
    layout.order.resize(result.label.size());
    std::iota(layout.order.begin(), layout.order.end(), 0U);
    std::vector<std::uint32_t> size(result.label.size());
    for (const std::uint32_t row : layout.order) {
        ++size[static_cast<std::size_t>(label(row))];
    }
    std::erase_if(layout.order, [&](std::uint32_t row) { return size[static_cast<std::size_t>(label(row))] < 2; });
    std::stable_sort(layout.order.begin(), layout.order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return label(a) < label(b); });
    for (std::size_t position = 0; position < layout.order.size(); ++position) {
        const std::int64_t root = label(layout.order[position]);
        if (result.root.empty() || result.root.back() != root) {
            result.root.push_back(root);
            result.size.push_back(size[static_cast<std::size_t>(root)]);
            layout.starts.push_back(position);
        }
        layout.component.push_back(static_cast<std::uint32_t>(result.root.size() - 1));
    }
    layout.starts.push_back(layout.order.size());
    return layout;
}

}  // namespace

base::Result<Components> components(const MatrixView& matrix, const PairColumns& pairs, Representatives representative,
                                    const Execution& execution) {
    const FloatEnvironment environment;
    const std::size_t rows = matrix.rows;
    KHALA_TRY(check_execution(execution));
    KHALA_TRY(check_pairs(pairs, rows));
    KHALA_TRY(check_representatives(representative, rows));
    KHALA_TRY_ASSIGN(const RowCheck check, check_rows(matrix, "matrix", Faulty::report));

    Forest forest{rows};
    for (std::size_t row = 0; row < rows; ++row) {
        forest.join(row, owner_of(representative, row));
    }
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        forest.join(static_cast<std::size_t>(pairs.left[index]), static_cast<std::size_t>(pairs.right[index]));
    }
    Components result;
    result.label.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        result.label[row] = static_cast<std::int64_t>(forest.find(row));
    }
    const Layout layout = lay_out(result);
    for (const std::uint32_t row : layout.order) {
        if (check.norms[row] <= 0.0) {
            return invalid("pairs", "row " + std::to_string(row) + " is in a pair, and cannot be compared");
        }
    }

    const Side side{matrix, check.norms, layout.order};
    const Decision decision{side, side, -1.0, tolerance(matrix.dim)};
    std::vector<MinimumSink> sinks(static_cast<std::size_t>(execution.threads),
                                   MinimumSink{decision, layout.component, result.root.size()});
    const float everything = -std::numeric_limits<float>::infinity();
    KHALA_TRY(sweep(side, side, plan_self(layout.starts), everything, pointers(sinks), execution));
    result.min_cosine.assign(result.root.size(), 1.0);
    for (const MinimumSink& sink : sinks) {
        for (std::size_t component = 0; component < result.root.size(); ++component) {
            result.min_cosine[component] = std::min(result.min_cosine[component], sink.minimum(component));
        }
    }
    return result;
}

}  // namespace khala::vec
