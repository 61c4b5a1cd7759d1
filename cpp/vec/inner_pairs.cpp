#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vec/cluster.hpp"
#include "vec/invalid.hpp"
#include "vec/join_parts.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

// Rows of clusters of two and more, cluster after cluster.
struct Layout {
    std::vector<std::uint32_t> order;
    std::vector<std::uint32_t> cluster;  // of each position
    std::vector<std::size_t> starts;
};

// Keeps the lowest cosine of each cluster and counts what is below the threshold. Every pair is a hit here; float64
// only looks at those that float32 cannot tell from the lowest so far, or from the threshold.
class InnerSink final : public Sink {
public:
    InnerSink(const Decision& decision, std::span<const std::uint32_t> cluster, std::size_t clusters)
        : decision_{decision}, cluster_{cluster}, minimum_(clusters, 1.0), below_(clusters) {}

    base::Status take(std::span<const Hit> hits) override {
        for (const Hit& hit : hits) {
            const std::uint32_t cluster = cluster_[hit.left];
            const auto dot = static_cast<double>(hit.dot);
            double& minimum = minimum_[cluster];
            const bool surely_below = dot + decision_.tolerance < decision_.threshold;
            const bool surely_not = dot - decision_.tolerance >= decision_.threshold;
            if (dot - decision_.tolerance <= minimum || (!surely_below && !surely_not)) {
                const double cosine = decision_.cosine(hit);
                minimum = std::min(minimum, cosine);
                below_[cluster] += static_cast<std::int64_t>(cosine < decision_.threshold);
            } else {
                below_[cluster] += static_cast<std::int64_t>(surely_below);
            }
        }
        return {};
    }

    void add_to(InnerPairs& result) const {
        for (std::size_t cluster = 0; cluster < minimum_.size(); ++cluster) {
            result.min_cosine[cluster] = std::min(result.min_cosine[cluster], minimum_[cluster]);
            result.below[cluster] += below_[cluster];
        }
    }

private:
    const Decision& decision_;
    std::span<const std::uint32_t> cluster_;  // of each position
    std::vector<double> minimum_;
    std::vector<std::int64_t> below_;
};

Layout lay_out(std::span<const std::int64_t> canonical, InnerPairs& result) {
    Layout layout;
    layout.order.resize(canonical.size());
    std::iota(layout.order.begin(), layout.order.end(), 0U);
    std::vector<std::uint32_t> size(canonical.size());
    for (const std::int64_t row : canonical) {
        ++size[static_cast<std::size_t>(row)];
    }
    std::erase_if(layout.order, [&](std::uint32_t row) { return size[static_cast<std::size_t>(canonical[row])] < 2; });
    std::stable_sort(layout.order.begin(), layout.order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return canonical[a] < canonical[b]; });
    for (std::size_t position = 0; position < layout.order.size(); ++position) {
        const std::int64_t cluster = canonical[layout.order[position]];
        if (result.canonical.empty() || result.canonical.back() != cluster) {
            result.canonical.push_back(cluster);
            result.size.push_back(size[static_cast<std::size_t>(cluster)]);
            layout.starts.push_back(position);
        }
        layout.cluster.push_back(static_cast<std::uint32_t>(result.canonical.size() - 1));
    }
    layout.starts.push_back(layout.order.size());
    return layout;
}

base::Status check_canonical(std::span<const std::int64_t> canonical, std::size_t rows) {
    if (canonical.size() != rows) {
        return invalid("canonical",
                       std::to_string(canonical.size()) + " elements for " + std::to_string(rows) + " rows");
    }
    for (std::size_t row = 0; row < rows; ++row) {
        const std::int64_t owner = canonical[row];
        if (owner < 0 || static_cast<std::size_t>(owner) >= rows ||
            canonical[static_cast<std::size_t>(owner)] != owner) {
            return invalid("canonical", "row " + std::to_string(row) + " has the canonical row " +
                                            std::to_string(owner) + ", which does not name itself");
        }
    }
    return {};
}

}  // namespace

base::Result<InnerPairs> inner_pairs(const MatrixView& matrix, std::span<const std::int64_t> canonical,
                                     double threshold, const Execution& execution) {
    const FloatEnvironment environment;
    KHALA_TRY(check_execution(execution));
    KHALA_TRY(check_canonical(canonical, matrix.rows));
    KHALA_TRY_ASSIGN(const RowCheck check, check_rows(matrix, "matrix", Faulty::report));
    InnerPairs result;
    const Layout layout = lay_out(canonical, result);
    for (const std::uint32_t row : layout.order) {
        if (check.norms[row] <= 0.0) {
            return invalid("matrix", "row " + std::to_string(row) + " is in a cluster, and cannot be compared");
        }
    }
    const Side side{matrix, check.norms, layout.order};
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    const Decision decision{side, side, threshold, tolerance(matrix.dim), kernels_for(isa)};
    std::vector<InnerSink> sinks(static_cast<std::size_t>(execution.threads),
                                 InnerSink{decision, layout.cluster, result.canonical.size()});
    const float everything = -std::numeric_limits<float>::infinity();
    KHALA_TRY(sweep(side, side, plan_self(layout.starts), everything, pointers(sinks), execution));
    result.min_cosine.assign(result.canonical.size(), 1.0);
    result.below.assign(result.canonical.size(), 0);
    for (const InnerSink& sink : sinks) {
        sink.add_to(result);
    }
    return result;
}

}  // namespace khala::vec
