#include "vec/sweep.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>

#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// A thread claims blocks until it has this many pairs, so that a million groups of two do not mean a million claims.
constexpr std::uint64_t kClaimPairs = std::uint64_t{kTileRows} * kTileCols;

// Rights of one cross block: bounds the work between two claims when a few queries meet a long matrix.
constexpr std::uint32_t kBlockRights = 64 * kTileCols;

constexpr std::uint32_t narrow(std::size_t position) noexcept {
    return static_cast<std::uint32_t>(position);
}

// What the threads of one sweep share. Constant but for `next` and `stopped`.
struct Shared {
    const Side& left;
    const Side& right;
    std::span<const Block> blocks;
    float cut;
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
        allocate();
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

    [[nodiscard]] const SweepResult& result() const noexcept { return result_; }

private:
    void allocate() {
        std::size_t lefts = 1;
        std::size_t products = 1;
        for (const Block& block : shared_.blocks) {
            const std::size_t rights = block.diagonal ? block.lefts : std::min(block.rights, kTileCols);
            lefts = std::max<std::size_t>(lefts, block.lefts);
            products = std::max(products, block.lefts * rights);
        }
        left_ = std::make_unique_for_overwrite<float[]>(lefts * dim_);
        right_ = std::make_unique_for_overwrite<float[]>(kTileCols * dim_);
        products_ = std::make_unique_for_overwrite<float[]>(products);
        hits_ = std::make_unique_for_overwrite<Hit[]>(products);
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

    Status diagonal(const Block& block) {
        load(shared_.left, block.first_left, block.lefts, left_.get());
        shared_.kernels.products_upper(left_.get(), block.lefts, dim_, products_.get());
        const std::size_t found = shared_.kernels.scan_upper(products_.get(), block.lefts, shared_.cut, hits_.get());
        return deliver(found, block.first_left, block.first_left, block.pairs());
    }

    Status rectangle(const Block& block) {
        load(shared_.left, block.first_left, block.lefts, left_.get());
        for (std::uint32_t done = 0; done < block.rights; done += kTileCols) {
            const std::uint32_t first = block.first_right + done;
            const std::uint32_t cols = std::min(kTileCols, block.rights - done);
            load(shared_.right, first, cols, right_.get());
            shared_.kernels.products(left_.get(), block.lefts, right_.get(), cols, dim_, products_.get());
            const std::size_t found =
                shared_.kernels.scan(products_.get(), block.lefts, cols, shared_.cut, hits_.get());
            KHALA_TRY(deliver(found, block.first_left, first, std::uint64_t{block.lefts} * cols));
        }
        return {};
    }

    Status deliver(std::size_t found, std::uint32_t first_left, std::uint32_t first_right, std::uint64_t pairs) {
        for (Hit& hit : std::span{hits_.get(), found}) {
            hit.left += first_left;
            hit.right += first_right;
        }
        if (found > 0) {
            KHALA_TRY(sink_.take({hits_.get(), found}));
        }
        result_.pairs += pairs;
        result_.hits += found;
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
    std::unique_ptr<float[]> left_;
    std::unique_ptr<float[]> right_;
    std::unique_ptr<float[]> products_;
    std::unique_ptr<Hit[]> hits_;
};

// The body of every thread: no exception leaves it, and a failure stops the others.
struct Outcome {
    Status status;
    SweepResult result;
};

void work(Shared& shared, Sink& sink, Outcome& outcome) noexcept {
    try {
        Sweeper sweeper{shared, sink};
        outcome.status = sweeper.run();
        outcome.result = sweeper.result();
    } catch (const std::bad_alloc&) {
        outcome.status = Error{ErrorCode::internal, "memory", "out of memory"};
    }
    if (!outcome.status.ok()) {
        shared.stopped.store(true, std::memory_order_relaxed);
    }
}

// Signals belong to the host's own threads: one that lands on a worker would be seen late.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &saved_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t saved_{};
};

// Where the system refuses another thread, those that there are do all of the work.
void run_all(Shared& shared, std::span<Sink* const> sinks, std::vector<Outcome>& outcomes) {
    std::vector<std::jthread> threads;
    threads.reserve(sinks.size());
    try {
        const SignalsBlocked blocked;
        for (std::size_t index = 1; index < sinks.size(); ++index) {
            threads.emplace_back(work, std::ref(shared), std::ref(*sinks[index]), std::ref(outcomes[index]));
        }
    } catch (const std::system_error&) {
        static_cast<void>(threads);
    }
    work(shared, *sinks[0], outcomes[0]);
}

// Threads that were stopped because another failed say `interrupted`; the cause is the error that is told.
Status first_cause(std::vector<Outcome>& outcomes) {
    const auto failed = [](const Outcome& outcome) { return !outcome.status.ok(); };
    const auto cause = std::find_if(outcomes.begin(), outcomes.end(), [&](const Outcome& outcome) {
        return failed(outcome) && outcome.status.error().code != ErrorCode::interrupted;
    });
    if (cause != outcomes.end()) {
        return std::move(cause->status).error();
    }
    const auto any = std::find_if(outcomes.begin(), outcomes.end(), failed);
    return any == outcomes.end() ? Status{} : Status{std::move(any->status).error()};
}

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
                                std::span<Sink* const> sinks, const Execution& execution) {
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(execution.isa));
    const FloatEnvironment environment;
    Shared shared{left, right, blocks, cut, kernels_for(isa), execution.progress};
    if (execution.progress != nullptr) {
        execution.progress->total.store(pair_count(blocks), std::memory_order_relaxed);
        if (shared.interrupted()) {
            return Error{ErrorCode::interrupted, "progress", "stopped before it began"};
        }
    }
    std::vector<Outcome> outcomes(sinks.size());
    run_all(shared, sinks, outcomes);
    KHALA_TRY(first_cause(outcomes));
    SweepResult result;
    for (const Outcome& outcome : outcomes) {
        result.pairs += outcome.result.pairs;
        result.hits += outcome.result.hits;
    }
    return result;
}

}  // namespace khala::vec
