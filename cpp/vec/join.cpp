#include "vec/join.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "vec/collapse.hpp"
#include "vec/heap.hpp"
#include "vec/invalid.hpp"
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
        constexpr std::size_t kAhead = 3;
        for (std::size_t index = 0; index < hits.size(); ++index) {
            if (index + kAhead < hits.size()) {
                decision_.fetch(hits[index + kAhead]);
            }
            const Hit& hit = hits[index];
            rechecked_ += static_cast<std::uint64_t>(decision_.in_band(hit));
            const double cosine = decision_.cosine(hit);
            if (cosine >= decision_.threshold) {
                KHALA_TRY(keep(decision_.left.order[hit.left], decision_.right.order[hit.right], cosine));
            }
        }
        return {};
    }

    [[nodiscard]] PairList& found() noexcept { return found_; }
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
    PairList found_;
    std::uint64_t rechecked_ = 0;
};

// The pairs within each list of copies; their cosine is 1 by definition.
Status add_copies(const CopyLists& copies, std::span<const std::uint32_t> rows, Budget& budget, PairList& found) {
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

std::uint64_t hash_bytes(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
    return count == 0 ? seed : XXH3_64bits_withSeed(bytes, count, seed);
}

std::uint64_t fingerprint_of(const MatrixView& matrix, const JoinOptions& options) noexcept {
    std::uint64_t hash = std::bit_cast<std::uint64_t>(options.threshold) ^ static_cast<std::uint64_t>(options.copies) ^
                         static_cast<std::uint64_t>(options.faulty) << 8U;
    hash = hash_bytes(options.groups.data(), options.groups.size_bytes(), hash + matrix.dim);
    return hash_bytes(matrix.data, matrix.rows * matrix.dim * sizeof(float), hash);
}

// All pairs in one array, the lists emptied on the way.
std::vector<FoundPair> concatenate(std::vector<PairList> lists) {
    std::size_t count = 0;
    for (const PairList& list : lists) {
        count += list.size();
    }
    std::vector<FoundPair> found;
    found.reserve(count);
    for (PairList& list : lists) {
        for (; !list.empty(); list.pop_front()) {
            found.push_back(list.front());
        }
    }
    return found;
}

}  // namespace

base::Result<std::vector<PairList>> BlockJoin::find(std::span<const Block> blocks, bool with_copies,
                                                    std::uint64_t max_pairs, const Execution& execution,
                                                    Certificate& certificate) const {
    const CellPlan* cells = prepared_->cells();
    const Side side{matrix_, check_.norms, cells != nullptr ? cells->order : collapsed_.rows};
    const Decision decision{side, side, options_.threshold, certificate.tolerance, kernels_for(certificate.isa)};
    Budget budget{max_pairs};
    const bool expand = options_.copies == Copies::expand;
    const CopyLists copies{expand ? std::span<const std::uint32_t>{collapsed_.representative}
                                  : std::span<const std::uint32_t>{}};
    std::vector<PairList> found(1);
    if (expand && with_copies) {
        KHALA_TRY(add_copies(copies, collapsed_.rows, budget, found.front()));
    }
    std::vector<PairSink> sinks(static_cast<std::size_t>(execution.threads),
                                PairSink{decision, budget, expand ? &copies : nullptr});
    KHALA_TRY(run_prepared(side, side, blocks, pointers(sinks), *prepared_, execution, certificate));
    for (PairSink& sink : sinks) {
        certificate.rechecked += sink.rechecked();
        found.push_back(std::move(sink.found()));
    }
    return found;
}

base::Result<std::unique_ptr<BlockJoin>> BlockJoin::make(const MatrixView& matrix, const JoinOptions& options) {
    return make(matrix, options, false);
}

base::Result<std::unique_ptr<BlockJoin>> BlockJoin::make(const MatrixView& matrix, const JoinOptions& options,
                                                         bool whole) {
    const FloatEnvironment environment;
    Stopwatch watch;
    std::unique_ptr<BlockJoin> join{new BlockJoin};
    join->matrix_ = matrix;
    join->options_ = options;
    Certificate& certificate = join->begun_;
    const Execution& execution = options.execution;
    KHALA_TRY(begin_certificate(options.threshold, matrix.dim, execution, certificate));
    KHALA_TRY(check_groups(options.groups, matrix.rows, "groups"));
    KHALA_TRY_ASSIGN(join->check_, check_rows(matrix, "matrix", options.faulty, execution.threads));
    certificate.seconds.check = watch.lap();

    join->collapsed_ = collapse(matrix, join->check_.norms, options.groups, hash_row, execution.threads);
    join->blocks_ = plan_self(join->collapsed_.starts);
    certificate.rows = matrix.rows;
    certificate.compared_rows = join->collapsed_.rows.size();
    certificate.seconds.collapse = watch.lap();

    const Side side{matrix, join->check_.norms, join->collapsed_.rows};
    const std::span<const std::size_t> starts = join->collapsed_.starts;
    KHALA_TRY_ASSIGN(join->prepared_, prepare(side, side, join->blocks_, options.threshold, options.plan, execution,
                                              whole ? starts : starts.first(0)));
    if (join->prepared_->cells() != nullptr) {
        join->blocks_ = join->prepared_->cells()->blocks;
    }
    certificate.plan = join->prepared_->plan;
    certificate.seconds.prepare = watch.lap();
    return join;
}

std::uint64_t BlockJoin::fingerprint() const noexcept {
    return fingerprint_of(matrix_, options_);
}

base::Result<Join> BlockJoin::run(std::size_t first, std::size_t last, std::uint64_t max_pairs,
                                  Progress* progress) const {
    const FloatEnvironment environment;
    if (first > last || last > blocks_.size()) {
        return invalid("blocks", std::to_string(first) + " to " + std::to_string(last) + "; there are " +
                                     std::to_string(blocks_.size()));
    }
    Execution execution = options_.execution;
    execution.progress = progress;
    Certificate certificate = begun_;
    KHALA_TRY_ASSIGN(std::vector<PairList> found, find(std::span{blocks_}.subspan(first, last - first),
                                                       last == blocks_.size(), max_pairs, execution, certificate));
    return finish(std::move(found), certificate);
}

base::Result<Join> BlockJoin::run_whole() {
    const FloatEnvironment environment;
    Certificate certificate = begun_;
    KHALA_TRY_ASSIGN(std::vector<PairList> found,
                     find(blocks_, true, options_.max_pairs, options_.execution, certificate));
    prepared_.reset();  // the codes, before the pairs take more
    return finish(std::move(found), certificate);
}

Join BlockJoin::finish(std::vector<PairList> lists, const Certificate& certificate) const {
    Stopwatch watch;
    Join join;
    join.certificate = certificate;
    std::vector<FoundPair> found = concatenate(std::move(lists));
    give_back_memory(matrix_.rows * matrix_.dim);
    std::sort(found.begin(), found.end(), [](const FoundPair& a, const FoundPair& b) {
        return std::pair{a.left, a.right} < std::pair{b.left, b.right};
    });
    join.pairs = to_columns(found, join.certificate);
    join.representative.assign(collapsed_.representative.begin(), collapsed_.representative.end());
    join.faults = check_.faults;
    join.certificate.seconds.finish = watch.lap();
    return join;
}

base::Result<Join> self_join(const MatrixView& matrix, const JoinOptions& options) {
    const auto whole = [&]() -> base::Result<Join> {
        KHALA_TRY_ASSIGN(const std::unique_ptr<BlockJoin> join, BlockJoin::make(matrix, options, true));
        return join->run_whole();
    };
    base::Result<Join> result = whole();
    give_back_memory(matrix.rows * matrix.dim);
    return result;
}

}  // namespace khala::vec
