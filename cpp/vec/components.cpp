#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vec/cluster.hpp"
#include "vec/cluster_checks.hpp"
#include "vec/invalid.hpp"
#include "vec/join_parts.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
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

    base::Status take(std::span<const Hit> hits) override {
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
