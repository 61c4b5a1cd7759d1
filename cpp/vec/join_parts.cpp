#include "vec/join_parts.hpp"

#include <string>

#include "vec/invalid.hpp"
#include "vec/isa.hpp"

namespace khala::vec {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// A bijection of 64-bit words that spreads every bit (the finalizer of SplitMix64).
constexpr std::uint64_t mix(std::uint64_t word) noexcept {
    word += 0x9e3779b97f4a7c15U;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31U);
}

std::uint64_t set_hash(std::span<const std::int64_t> left, std::span<const std::int64_t> right) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t index = 0; index < left.size(); ++index) {
        sum += mix(mix(static_cast<std::uint64_t>(left[index])) ^ static_cast<std::uint64_t>(right[index]));
    }
    return sum;
}

Status check_lengths(std::span<const std::int64_t> left, std::span<const std::int64_t> right) {
    if (left.size() != right.size()) {
        return Error{
            ErrorCode::invalid_argument, "pairs",
            "the columns have " + std::to_string(left.size()) + " and " + std::to_string(right.size()) + " elements"};
    }
    return {};
}

}  // namespace

Status Budget::spend(std::uint64_t pairs) {
    if (spent_.fetch_add(pairs, std::memory_order_relaxed) + pairs <= limit_) {
        return {};
    }
    return invalid("max_pairs",
                   "more than " + std::to_string(limit_) +
                       " pairs reach the threshold, and none may be lost: raise max_pairs or the threshold, or let "
                       "byte-identical rows stand for one");
}

Status check_execution(const Execution& execution) {
    if (execution.threads < 1 || execution.threads > kThreadsMax) {
        return invalid("threads",
                       std::to_string(execution.threads) + "; the limits are 1 and " + std::to_string(kThreadsMax));
    }
    return {};
}

Status begin_certificate(double threshold, std::size_t dim, const Execution& execution, Certificate& certificate) {
    if (!(threshold >= -1.0 && threshold <= 1.0)) {
        return invalid("threshold", std::to_string(threshold) + " is no cosine; the limits are -1 and 1");
    }
    KHALA_TRY(check_execution(execution));
    KHALA_TRY_ASSIGN(certificate.isa, resolve_isa(execution.isa));
    certificate.threads = execution.threads;
    certificate.threshold = threshold;
    certificate.tolerance = tolerance(dim);
    return {};
}

Status run_sweep(const Side& left, const Side& right, std::span<const Block> blocks, std::span<Sink* const> sinks,
                 const PlanOptions& options, const Execution& execution, Certificate& certificate) {
    Stopwatch watch;
    KHALA_TRY_ASSIGN(const std::unique_ptr<Prepared> prepared,
                     prepare(left, right, blocks, certificate.threshold, options, execution));
    certificate.seconds.prepare = watch.lap();
    return run_prepared(left, right, blocks, sinks, *prepared, execution, certificate);
}

Status run_prepared(const Side& left, const Side& right, std::span<const Block> blocks, std::span<Sink* const> sinks,
                    const Prepared& prepared, const Execution& execution, Certificate& certificate) {
    Stopwatch watch;
    certificate.plan = prepared.plan;
    const float cut = sweep_cut(certificate.threshold, left.matrix.dim);
    KHALA_TRY_ASSIGN(const SweepResult swept,
                     sweep(left, right, blocks, cut, sinks, execution, prepared.coded(), prepared.cells()));
    if (swept.pairs != pair_count(blocks)) {
        return Error{
            ErrorCode::internal, "sweep",
            "looked at " + std::to_string(swept.pairs) + " of " + std::to_string(pair_count(blocks)) + " pairs"};
    }
    const CellPlan* cells = prepared.cells();
    certificate.pairs_evaluated = cells != nullptr ? cells->pairs : swept.pairs;
    certificate.pairs_ruled_out = cells != nullptr ? cells->ruled_out : 0;
    certificate.pairs_coded = swept.coded;
    certificate.first_stage = swept.candidates;
    certificate.candidates = swept.hits;
    certificate.seconds.sweep = watch.lap();
    return {};
}

Pairs to_columns(std::span<const FoundPair> found, Certificate& certificate) {
    Pairs pairs;
    pairs.left.reserve(found.size());
    pairs.right.reserve(found.size());
    pairs.cosine.reserve(found.size());
    for (const FoundPair& pair : found) {
        pairs.left.push_back(pair.left);
        pairs.right.push_back(pair.right);
        pairs.cosine.push_back(pair.cosine);
    }
    certificate.pairs = found.size();
    certificate.set_hash = set_hash(pairs.left, pairs.right);
    return pairs;
}

base::Result<std::uint64_t> pair_set_hash(std::span<const std::int64_t> left, std::span<const std::int64_t> right) {
    KHALA_TRY(check_lengths(left, right));
    return set_hash(left, right);
}

base::Result<std::vector<double>> pair_cosines(const MatrixView& matrix, std::span<const std::int64_t> left,
                                               std::span<const std::int64_t> right) {
    const FloatEnvironment environment;
    KHALA_TRY(check_lengths(left, right));
    KHALA_TRY_ASSIGN(const RowCheck check, check_rows(matrix, "matrix", Faulty::report));
    const auto comparable = [&](std::int64_t row) {
        return row >= 0 && static_cast<std::size_t>(row) < matrix.rows &&
               check.norms[static_cast<std::size_t>(row)] > 0.0;
    };
    std::vector<double> cosines(left.size());
    for (std::size_t index = 0; index < left.size(); ++index) {
        for (const std::int64_t row : {left[index], right[index]}) {
            if (!comparable(row)) {
                return invalid("pairs", "pair " + std::to_string(index) + " names row " + std::to_string(row) +
                                            ", which is not there or cannot be compared");
            }
        }
        const auto a = static_cast<std::size_t>(left[index]);
        const auto b = static_cast<std::size_t>(right[index]);
        cosines[index] = sim64(matrix.row(a), check.norms[a], matrix.row(b), check.norms[b], matrix.dim);
    }
    return cosines;
}

}  // namespace khala::vec
