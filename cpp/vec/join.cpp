#include "vec/join.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "vec/collapse.hpp"
#include "vec/join_parts.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

using base::Status;

// For each row the rows it stands for, itself first, as one array with offsets (CSR).
class CopyLists {
public:
    explicit CopyLists(std::span<const std::uint32_t> representative)
        : offsets_(representative.size() + 1), rows_(representative.size()) {
        for (const std::uint32_t owner : representative) {
            ++offsets_[owner + 1];
        }
        std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
        std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
        for (std::uint32_t row = 0; row < representative.size(); ++row) {
            rows_[next[representative[row]]++] = row;
        }
    }

    [[nodiscard]] std::span<const std::uint32_t> of(std::uint32_t row) const noexcept {
        return std::span{rows_}.subspan(offsets_[row], offsets_[row + 1] - offsets_[row]);
    }

private:
    std::vector<std::size_t> offsets_;
    std::vector<std::uint32_t> rows_;
};

// Keeps every candidate that float64 confirms, as pairs of rows.
class PairSink final : public Sink {
public:
    // `copies` is null when each pair of representatives counts once.
    PairSink(const Decision& decision, Budget& budget, const CopyLists* copies)
        : decision_{decision}, budget_{budget}, copies_{copies} {}

    Status take(std::span<const Hit> hits) override {
        for (const Hit& hit : hits) {
            rechecked_ += static_cast<std::uint64_t>(decision_.in_band(hit));
            const double cosine = decision_.cosine(hit);
            if (cosine >= decision_.threshold) {
                KHALA_TRY(keep(decision_.left.order[hit.left], decision_.right.order[hit.right], cosine));
            }
        }
        return {};
    }

    [[nodiscard]] std::vector<FoundPair>& found() noexcept { return found_; }
    [[nodiscard]] std::uint64_t rechecked() const noexcept { return rechecked_; }

private:
    Status keep(std::uint32_t left, std::uint32_t right, double cosine) {
        if (copies_ == nullptr) {
            KHALA_TRY(budget_.spend(1));
            add(left, right, cosine);
            return {};
        }
        const auto lefts = copies_->of(left);
        const auto rights = copies_->of(right);
        KHALA_TRY(budget_.spend(std::uint64_t{lefts.size()} * rights.size()));
        for (const std::uint32_t a : lefts) {
            for (const std::uint32_t b : rights) {
                add(a, b, cosine);
            }
        }
        return {};
    }

    void add(std::uint32_t a, std::uint32_t b, double cosine) {
        found_.push_back({std::min(a, b), std::max(a, b), cosine});
    }

    const Decision& decision_;
    Budget& budget_;
    const CopyLists* copies_;
    std::vector<FoundPair> found_;
    std::uint64_t rechecked_ = 0;
};

// The pairs within each list of copies; their cosine is 1 by definition.
Status add_copies(const CopyLists& copies, std::span<const std::uint32_t> rows, Budget& budget,
                  std::vector<FoundPair>& found) {
    for (const std::uint32_t row : rows) {
        const auto list = copies.of(row);
        KHALA_TRY(budget.spend(std::uint64_t{list.size()} * (list.size() - 1) / 2));
        for (std::size_t a = 0; a < list.size(); ++a) {
            for (std::size_t b = a + 1; b < list.size(); ++b) {
                found.push_back({list[a], list[b], 1.0});
            }
        }
    }
    return {};
}

// Sweep and copies together; fills the counters of the certificate.
base::Result<std::vector<FoundPair>> find(const Side& side, const Collapsed& collapsed, const JoinOptions& options,
                                          Certificate& certificate) {
    const Decision decision{side, side, options.threshold, certificate.tolerance, kernels_for(certificate.isa)};
    Budget budget{options.max_pairs};
    const bool expand = options.copies == Copies::expand;
    const CopyLists copies{expand ? std::span<const std::uint32_t>{collapsed.representative}
                                  : std::span<const std::uint32_t>{}};
    std::vector<FoundPair> found;
    if (expand) {
        KHALA_TRY(add_copies(copies, collapsed.rows, budget, found));
    }
    std::vector<PairSink> sinks(static_cast<std::size_t>(options.execution.threads),
                                PairSink{decision, budget, expand ? &copies : nullptr});
    const std::vector<Block> blocks = plan_self(collapsed.starts);
    KHALA_TRY(run_sweep(side, side, blocks, pointers(sinks), options.plan, options.execution, certificate));
    for (PairSink& sink : sinks) {
        certificate.rechecked += sink.rechecked();
        found.insert(found.end(), sink.found().begin(), sink.found().end());
        sink.found() = {};
    }
    return found;
}

}  // namespace

base::Result<Join> self_join(const MatrixView& matrix, const JoinOptions& options) {
    const FloatEnvironment environment;
    Stopwatch watch;
    Join join;
    Certificate& certificate = join.certificate;
    KHALA_TRY(begin_certificate(options.threshold, matrix.dim, options.execution, certificate));
    KHALA_TRY(check_groups(options.groups, matrix.rows, "groups"));
    KHALA_TRY_ASSIGN(RowCheck check, check_rows(matrix, "matrix", options.faulty));
    certificate.seconds.check = watch.lap();

    const Collapsed collapsed = collapse(matrix, check.norms, options.groups);
    certificate.rows = matrix.rows;
    certificate.compared_rows = collapsed.rows.size();
    certificate.seconds.collapse = watch.lap();

    const Side side{matrix, check.norms, collapsed.rows};
    KHALA_TRY_ASSIGN(std::vector<FoundPair> found, find(side, collapsed, options, certificate));
    static_cast<void>(watch.lap());

    std::sort(found.begin(), found.end(), [](const FoundPair& a, const FoundPair& b) {
        return std::pair{a.left, a.right} < std::pair{b.left, b.right};
    });
    join.pairs = to_columns(found, certificate);
    join.representative.assign(collapsed.representative.begin(), collapsed.representative.end());
    join.faults = std::move(check.faults);
    certificate.seconds.finish = watch.lap();
    return join;
}

}  // namespace khala::vec
