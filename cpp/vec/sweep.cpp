#include "vec/sweep.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "vec/cells.hpp"
#include "vec/isa.hpp"
#include "vec/pruner.hpp"
#include "vec/sim64.hpp"
#include "vec/workers.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// A thread claims blocks until it has this many pairs, so that a million groups of two do not mean a million claims.
constexpr std::uint64_t kClaimPairs = std::uint64_t{kTileRows} * kTileCols;

// Rights of one cross block: bounds the work between two claims when a few queries meet a long matrix.
constexpr std::uint32_t kBlockRights = 64 * kTileCols;

// Chunks that are multiplied in float32 after one with too many candidates, before codes are tried again: doubled up to
// the limit each time that this was right.
constexpr std::uint32_t kBackOff = 4;
constexpr std::uint32_t kBackOffMax = 64;

constexpr std::uint32_t narrow(std::size_t position) noexcept {
    return static_cast<std::uint32_t>(position);
}

// What the threads of one sweep share. Constant but for `next` and `stopped`.
struct Shared {
    const Side& left;
    const Side& right;
    std::span<const Block> blocks;
    float cut;
    const CodedSides* coded;  // null: float32 products alone
    const CellPlan* cells;    // null: no block is listed
    const KernelTable& kernels;
    Progress* progress;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stopped{false};

    [[nodiscard]] bool interrupted() const noexcept {
        return stopped.load(std::memory_order_relaxed) ||
               (progress != nullptr && progress->cancelled.load(std::memory_order_relaxed));
    }
};

// One thread's buffers and counters.
class Sweeper {
public:
    Sweeper(Shared& shared, Sink& sink) : shared_{shared}, sink_{sink}, dim_{shared.left.matrix.dim} {}

    Status run() {
        if (shared_.coded != nullptr) {
            pruner_.emplace(*shared_.coded, lefts_max());
        }
        for (;;) {
            const std::span<const Block> claimed = claim();
            if (claimed.empty()) {
                return {};
            }
            for (const Block& block : claimed) {
                KHALA_TRY(block.diagonal ? diagonal(block) : rectangle(block));
            }
        }
    }

    [[nodiscard]] SweepResult result() const noexcept {
        SweepResult result = result_;
        if (pruner_) {
            result.coded = pruner_->counts().pairs;
            result.candidates = pruner_->counts().candidates;
            result.survivors = pruner_->counts().survivors;
        }
        return result;
    }

private:
    [[nodiscard]] std::uint32_t lefts_max() const {
        std::uint32_t lefts = 1;
        for (const Block& block : shared_.blocks) {
            lefts = std::max(lefts, block.lefts);
        }
        return lefts;
    }

    // Buffers of the float32 products, at the first use.
    void allocate() {
        if (products_) {
            return;
        }
        std::size_t lefts = 1;
        std::size_t products = 1;
        for (const Block& block : shared_.blocks) {
            const std::size_t rights = block.diagonal ? block.lefts : std::min(block.rights, kTileCols);
            lefts = std::max<std::size_t>(lefts, block.lefts);
            products = std::max(products, block.lefts * rights);
        }
        left_ = std::make_unique_for_overwrite<float[]>(lefts * dim_);
        right_ = std::make_unique_for_overwrite<float[]>(kTileCols * dim_);
        hits_ = std::make_unique_for_overwrite<Hit[]>(products);
        products_ = std::make_unique_for_overwrite<float[]>(products);
    }

    std::span<const Block> claim() {
        const std::span<const Block> blocks = shared_.blocks;
        std::size_t begin = shared_.next.load(std::memory_order_relaxed);
        for (;;) {
            std::size_t end = begin;
            for (std::uint64_t pairs = 0; end < blocks.size() && pairs < kClaimPairs; ++end) {
                pairs += blocks[end].pairs();
            }
            if (shared_.next.compare_exchange_weak(begin, end, std::memory_order_relaxed)) {
                return blocks.subspan(begin, end - begin);
            }
        }
    }

    void load(const Side& side, std::uint32_t first, std::uint32_t count, float* out) const {
        for (std::uint32_t index = 0; index < count; ++index) {
            const std::uint32_t position = first + index;
            shared_.kernels.scale(side.row(position), 1.0 / side.norm(position), dim_, out + index * dim_);
        }
    }

    // Codes are used unless the last chunk that was looked at that way had too many candidates.
    [[nodiscard]] bool codes_pay() noexcept {
        if (!pruner_ || back_off_left_ > 0) {
            back_off_left_ -= static_cast<std::uint32_t>(pruner_.has_value());
            return false;
        }
        return true;
    }

    // Rows that are next to each other are alike, but those of a list come from many cells: one chunk says little of
    // the next.
    [[nodiscard]] std::uint32_t first_back_off() const noexcept { return shared_.cells == nullptr ? kBackOff : 0; }

    void learn() noexcept {
        if (pruner_->swamped()) {
            back_off_left_ = back_off_;
            back_off_ = std::clamp(2 * back_off_, 1U, kBackOffMax);
        } else {
            back_off_ = first_back_off();
        }
    }

    Status diagonal(const Block& block) {
        if (codes_pay()) {
            pruner_->load(block.first_left, block.lefts);
            for (std::uint32_t done = 0; done < block.lefts; done += kPruneRows) {
                const std::uint32_t rights = std::min(kPruneRows, block.lefts - done);
                KHALA_TRY(deliver(pruner_->survivors(block.first_left + done, rights, true), 0));
            }
            learn();
            return deliver({}, block.pairs());
        }
        allocate();
        load(shared_.left, block.first_left, block.lefts, left_.get());
        shared_.kernels.products_upper(left_.get(), block.lefts, dim_, products_.get());
        const std::size_t found = shared_.kernels.scan_upper(products_.get(), block.lefts, shared_.cut, hits_.get());
        return deliver(placed(found, block.first_left, block.first_left), block.pairs());
    }

    Status rectangle(const Block& block) {
        bool packed = false;
        bool loaded = false;
        for (std::uint32_t done = 0; done < block.rights;) {
            const std::uint32_t first = block.first_right + done;
            if (codes_pay()) {
                if (!packed) {
                    pruner_->load(block.first_left, block.lefts);
                    packed = true;
                }
                const std::uint32_t rights = std::min(kPruneRows, block.rights - done);
                const auto hits = block.listed ? only_here(pruner_->survivors(listed(first, rights)))
                                               : pruner_->survivors(first, rights, false);
                KHALA_TRY(deliver(hits, std::uint64_t{block.lefts} * rights));
                learn();
                done += rights;
                continue;
            }
            if (!loaded) {
                allocate();
                load(shared_.left, block.first_left, block.lefts, left_.get());
                loaded = true;
            }
            const std::uint32_t cols = std::min(kTileCols, block.rights - done);
            KHALA_TRY(multiply(block, first, cols));
            done += cols;
        }
        return {};
    }

    Status multiply(const Block& block, std::uint32_t first, std::uint32_t cols) {
        if (block.listed) {
            for (std::uint32_t index = 0; index < cols; ++index) {
                load(shared_.right, listed(first, cols)[index], 1, right_.get() + index * dim_);
            }
        } else {
            load(shared_.right, first, cols, right_.get());
        }
        shared_.kernels.products(left_.get(), block.lefts, right_.get(), cols, dim_, products_.get());
        const std::size_t found = shared_.kernels.scan(products_.get(), block.lefts, cols, shared_.cut, hits_.get());
        if (!block.listed) {
            return deliver(placed(found, block.first_left, first), std::uint64_t{block.lefts} * cols);
        }
        for (Hit& hit : std::span{hits_.get(), found}) {
            hit.left += block.first_left;
            hit.right = listed(first, cols)[hit.right];
        }
        return deliver(only_here({hits_.get(), found}), std::uint64_t{block.lefts} * cols);
    }

    [[nodiscard]] std::span<const std::uint32_t> listed(std::uint32_t first, std::uint32_t count) const noexcept {
        return std::span{shared_.cells->listed}.subspan(first, count);
    }

    // Without those that another block reports.
    [[nodiscard]] std::span<const Hit> only_here(std::span<Hit> hits) const noexcept {
        const auto end = std::remove_if(hits.begin(), hits.end(),
                                        [&](const Hit& hit) { return shared_.cells->elsewhere(hit.left, hit.right); });
        return {hits.begin(), end};
    }

    std::span<const Hit> placed(std::size_t found, std::uint32_t first_left, std::uint32_t first_right) {
        for (Hit& hit : std::span{hits_.get(), found}) {
            hit.left += first_left;
            hit.right += first_right;
        }
        return {hits_.get(), found};
    }

    Status deliver(std::span<const Hit> hits, std::uint64_t pairs) {
        if (!hits.empty()) {
            KHALA_TRY(sink_.take(hits));
        }
        result_.pairs += pairs;
        result_.hits += hits.size();
        if (shared_.progress != nullptr) {
            shared_.progress->done.fetch_add(pairs, std::memory_order_relaxed);
        }
        if (shared_.interrupted()) {
            return Error{ErrorCode::interrupted, "progress", "stopped before all pairs were looked at"};
        }
        return {};
    }

    Shared& shared_;
    Sink& sink_;
    std::size_t dim_;
    SweepResult result_;
    std::optional<Pruner> pruner_;
    std::uint32_t back_off_left_ = 0;
    std::uint32_t back_off_ = first_back_off();
    std::unique_ptr<float[]> left_;
    std::unique_ptr<float[]> right_;
    std::unique_ptr<float[]> products_;
    std::unique_ptr<Hit[]> hits_;
};

}  // namespace

std::vector<Block> plan_self(std::span<const std::size_t> starts) {
    std::vector<Block> blocks;
    for (std::size_t group = 0; group + 1 < starts.size(); ++group) {
        const std::size_t end = starts[group + 1];
        if (end - starts[group] < 2) {
            continue;
        }
        for (std::size_t first = starts[group]; first < end; first += kTileRows) {
            const std::size_t next = std::min<std::size_t>(first + kTileRows, end);
            const std::uint32_t rows = narrow(next - first);
            if (rows > 1) {
                blocks.push_back({narrow(first), rows, narrow(first), rows, true});
            }
            if (next < end) {
                blocks.push_back({narrow(first), rows, narrow(next), narrow(end - next), false});
            }
        }
    }
    return blocks;
}

std::vector<Block> plan_cross(std::span<const Rectangle> rectangles) {
    std::vector<Block> blocks;
    for (const Rectangle& rectangle : rectangles) {
        for (std::size_t right = rectangle.first_right; right < rectangle.last_right; right += kBlockRights) {
            const std::uint32_t rights = narrow(std::min<std::size_t>(kBlockRights, rectangle.last_right - right));
            for (std::size_t left = rectangle.first_left; left < rectangle.last_left; left += kTileRows) {
                const std::uint32_t lefts = narrow(std::min<std::size_t>(kTileRows, rectangle.last_left - left));
                blocks.push_back({narrow(left), lefts, narrow(right), rights, false});
            }
        }
    }
    return blocks;
}

std::uint64_t pair_count(std::span<const Block> blocks) noexcept {
    std::uint64_t pairs = 0;
    for (const Block& block : blocks) {
        pairs += block.pairs();
    }
    return pairs;
}

double tolerance(std::size_t dim) noexcept {
    const double rounding = static_cast<double>(dim + 4) * 0x1p-24;
    return rounding / (1.0 - rounding);
}

float sweep_cut(double threshold, std::size_t dim) noexcept {
    const double cut = threshold - tolerance(dim);
    const auto rounded = static_cast<float>(cut);
    return static_cast<double>(rounded) <= cut ? rounded
                                               : std::nextafter(rounded, -std::numeric_limits<float>::infinity());
}

base::Result<SweepResult> sweep(const Side& left, const Side& right, std::span<const Block> blocks, float cut,
                                std::span<Sink* const> sinks, const Execution& execution, const CodedSides* coded,
                                const CellPlan* cells) {
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    const FloatEnvironment environment;
    Shared shared{left, right, blocks, cut, coded, cells, kernels_for(isa), execution.progress};
    if (execution.progress != nullptr) {
        const std::uint64_t swept = pair_count(blocks);
        const std::uint64_t total = cells != nullptr ? std::max(cells->pairs, swept) : swept;
        execution.progress->total.store(total, std::memory_order_relaxed);
        execution.progress->done.fetch_add(total - swept, std::memory_order_relaxed);
        if (shared.interrupted()) {
            return Error{ErrorCode::interrupted, "progress", "stopped before it began"};
        }
    }
    std::vector<SweepResult> results(sinks.size());
    const auto work = [&](std::size_t index) -> Status {
        Sweeper sweeper{shared, *sinks[index]};
        KHALA_TRY(sweeper.run());
        results[index] = sweeper.result();
        return {};
    };
    KHALA_TRY(run_workers(sinks.size(), work, [&] { shared.stopped.store(true, std::memory_order_relaxed); }));
    SweepResult total;
    for (const SweepResult& result : results) {
        total.pairs += result.pairs;
        total.hits += result.hits;
        total.coded += result.coded;
        total.candidates += result.candidates;
        total.survivors += result.survivors;
    }
    return total;
}

}  // namespace khala::vec
