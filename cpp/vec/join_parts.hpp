// Steps that self_join, match_rows and components have in common. Not for other folders.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/isa.hpp"
#include "vec/join.hpp"
#include "vec/planner.hpp"
#include "vec/sim64.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

// Seconds between laps.
class Stopwatch {
public:
    double lap() noexcept {
        const auto now = std::chrono::steady_clock::now();
        const double seconds = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        return seconds;
    }

private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// The float64 decision on a candidate. Constant during a sweep and shared by its threads.
struct Decision {
    Side left;
    Side right;
    double threshold = 0;
    double tolerance = 0;
    const KernelTable& kernels;

    [[nodiscard]] double cosine(const Hit& hit) const noexcept {
        const float* x = left.row(hit.left);
        const float* y = right.row(hit.right);
        const double dot = kernels.dot64(x, y, left.matrix.dim);
        return sim64_of(dot, x, left.norm(hit.left), y, right.norm(hit.right), left.matrix.dim);
    }
    // Begins to load the rows of a hit that is soon to be decided; the processor sees where they go on.
    void fetch(const Hit& hit) const noexcept {
        constexpr std::size_t kLine = 16;  // floats
        for (std::size_t k = 0; k < std::min(left.matrix.dim, 8 * kLine); k += kLine) {
            __builtin_prefetch(left.row(hit.left) + k);
            __builtin_prefetch(right.row(hit.right) + k);
        }
    }
    // The float32 product alone, if there is one, leaves open on which side of the threshold the cosine is.
    [[nodiscard]] bool in_band(const Hit& hit) const noexcept {
        return !(static_cast<double>(hit.dot) >= threshold + tolerance);
    }
};

// Counts what all threads of a join keep and refuses the pair that is too many. Thread-safe.
class Budget {
public:
    explicit Budget(std::uint64_t limit) noexcept : limit_{limit} {}

    [[nodiscard]] base::Status spend(std::uint64_t pairs);

private:
    std::uint64_t limit_;
    std::atomic<std::uint64_t> spent_{0};
};

// Checks what every join is asked with, and notes it.
[[nodiscard]] base::Status begin_certificate(double threshold, std::size_t dim, const Execution& execution,
                                             Certificate& certificate);

[[nodiscard]] base::Status check_execution(const Execution& execution);

// Plans, encodes and sweeps with one sink a thread, notes the counts and times, and makes sure that every planned pair
// was looked at. `left` and `right` are one object for a self join.
[[nodiscard]] base::Status run_sweep(const Side& left, const Side& right, std::span<const Block> blocks,
                                     std::span<Sink* const> sinks, const PlanOptions& options,
                                     const Execution& execution, Certificate& certificate);

// The same after a plan that was made before.
[[nodiscard]] base::Status run_prepared(const Side& left, const Side& right, std::span<const Block> blocks,
                                        std::span<Sink* const> sinks, const Prepared& prepared,
                                        const Execution& execution, Certificate& certificate);

template <typename AnySink>
[[nodiscard]] std::vector<Sink*> pointers(std::vector<AnySink>& sinks) {
    std::vector<Sink*> result;
    result.reserve(sinks.size());
    for (AnySink& sink : sinks) {
        result.push_back(&sink);
    }
    return result;
}

// The columns of `found`, in its order; notes their number and hash.
[[nodiscard]] Pairs to_columns(std::span<const FoundPair> found, Certificate& certificate);

}  // namespace khala::vec
