#include "vec/sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "vec/datasets.hpp"
#include "vec/join_parts.hpp"

namespace khala::vec {
namespace {

using base::ErrorCode;
using base::Status;
using testing::Rows;
using PositionPair = std::pair<std::uint32_t, std::uint32_t>;

// What the blocks of a plan say, pair by pair.
std::multiset<PositionPair> spelled_out(std::span<const Block> blocks) {
    std::multiset<PositionPair> pairs;
    for (const Block& block : blocks) {
        for (std::uint32_t left = block.first_left; left < block.first_left + block.lefts; ++left) {
            for (std::uint32_t right = block.first_right; right < block.first_right + block.rights; ++right) {
                if (!block.diagonal || left < right) {
                    pairs.emplace(left, right);
                }
            }
        }
    }
    return pairs;
}

TEST(PlanSelf, CoversEveryPairOfAGroupOnce) {
    for (const std::vector<std::size_t>& starts : std::vector<std::vector<std::size_t>>{{0},
                                                                                        {0, 0},
                                                                                        {0, 1},
                                                                                        {0, 2},
                                                                                        {0, 3, 3, 4, 9},
                                                                                        {0, kTileRows, kTileRows + 1},
                                                                                        {0, kTileRows + 1},
                                                                                        {0, 2 * kTileRows + 3}}) {
        std::multiset<PositionPair> expected;
        for (std::size_t group = 0; group + 1 < starts.size(); ++group) {
            for (auto left = static_cast<std::uint32_t>(starts[group]); left < starts[group + 1]; ++left) {
                for (std::uint32_t right = left + 1; right < starts[group + 1]; ++right) {
                    expected.emplace(left, right);
                }
            }
        }
        const std::vector<Block> blocks = plan_self(starts);
        EXPECT_EQ(expected, spelled_out(blocks));
        EXPECT_EQ(expected.size(), pair_count(blocks));
        for (const Block& block : blocks) {
            EXPECT_LE(block.lefts, kTileRows);
        }
    }
}

TEST(PlanCross, CoversEveryPairOfARectangleOnce) {
    const std::vector<Rectangle> rectangles{{0, 3, 5, 7}, {3, 4 + kTileRows, 0, 5}, {9, 9, 0, 5}, {0, 2, 100, 17000}};
    std::multiset<PositionPair> expected;
    for (const Rectangle& rectangle : rectangles) {
        for (std::size_t left = rectangle.first_left; left < rectangle.last_left; ++left) {
            for (std::size_t right = rectangle.first_right; right < rectangle.last_right; ++right) {
                expected.emplace(left, right);
            }
        }
    }
    const std::vector<Block> blocks = plan_cross(rectangles);
    EXPECT_EQ(expected, spelled_out(blocks));
    EXPECT_EQ(expected.size(), pair_count(blocks));
}

// Keeps every hit.
class Recorder final : public Sink {
public:
    Status take(std::span<const Hit> hits) override {
        hits_.insert(hits_.end(), hits.begin(), hits.end());
        return {};
    }
    [[nodiscard]] const std::vector<Hit>& hits() const { return hits_; }

private:
    std::vector<Hit> hits_;
};

struct Prepared {
    explicit Prepared(const Rows& rows)
        : norms{check_rows(rows.view(), "matrix", Faulty::refuse).value().norms}, order(rows.count()) {
        std::iota(order.begin(), order.end(), 0U);
        side = {rows.view(), norms, order};
    }
    std::vector<double> norms;
    std::vector<std::uint32_t> order;
    Side side;
};

std::vector<Hit> sweep_all(const Rows& rows, float cut, const Execution& execution) {
    const Prepared prepared{rows};
    std::vector<Recorder> sinks(static_cast<std::size_t>(execution.threads));
    const std::vector<std::size_t> starts{0, rows.count()};
    const auto swept = sweep(prepared.side, prepared.side, plan_self(starts), cut, pointers(sinks), execution);
    EXPECT_TRUE(swept.ok());
    std::vector<Hit> hits;
    for (const Recorder& sink : sinks) {
        hits.insert(hits.end(), sink.hits().begin(), sink.hits().end());
    }
    EXPECT_EQ(rows.count() * (rows.count() - 1) / 2, swept->pairs);
    EXPECT_EQ(hits.size(), swept->hits);
    return hits;
}

class SweepIsa : public ::testing::TestWithParam<Isa> {
protected:
    void SetUp() override {
        if (!resolve_isa(GetParam()).ok()) {
            GTEST_SKIP() << "this processor cannot run " << name(GetParam());
        }
    }
};

TEST_P(SweepIsa, EveryHitIsWithinTheToleranceOfSim64) {
    const float everything = -std::numeric_limits<float>::infinity();
    for (const std::size_t dim : {1U, 3U, 64U, 384U, 1537U}) {
        for (const Rows& rows : {testing::random_rows(60, dim, dim), testing::cone_rows(60, dim, dim)}) {
            for (const Hit& hit : sweep_all(rows, everything, {1, GetParam(), nullptr})) {
                const double exact = testing::slow_sim64(rows.view().row(hit.left), rows.view().row(hit.right), dim);
                ASSERT_NEAR(exact, double{hit.dot}, tolerance(dim)) << dim;
            }
        }
    }
}

TEST_P(SweepIsa, EveryPairIsSeenOnceByAnyNumberOfThreads) {
    const Rows rows = testing::random_rows(kTileRows + kTileCols + 5, 3, 1);
    const float everything = -std::numeric_limits<float>::infinity();
    for (const int threads : {1, 2, 5}) {
        std::set<PositionPair> seen;
        for (const Hit& hit : sweep_all(rows, everything, {threads, GetParam(), nullptr})) {
            ASSERT_LT(hit.left, hit.right);
            ASSERT_TRUE(seen.emplace(hit.left, hit.right).second);
        }
        EXPECT_EQ(rows.count() * (rows.count() - 1) / 2, seen.size());
    }
}

// The other half of the promise, and a check that these tests can fail: on rows that are all near the threshold the
// sound cut proposes every pair that sim64 confirms, and a cut without the tolerance misses some.
TEST_P(SweepIsa, OnlyTheSoundCutLosesNothingNearTheThreshold) {
    const double threshold = 0.95;
    std::size_t missed_by_unsound_cut = 0;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const Rows rows = testing::equiangular_rows(150, 384, threshold, seed);
        const auto expected = testing::brute_force(rows, threshold);
        ASSERT_GT(expected.size(), 1000U);
        const auto missed = [&](float cut) {
            std::set<PositionPair> seen;
            for (const Hit& hit : sweep_all(rows, cut, {1, GetParam(), nullptr})) {
                seen.emplace(hit.left, hit.right);
            }
            return static_cast<std::size_t>(std::count_if(expected.begin(), expected.end(), [&](const auto& pair) {
                return !seen.contains(
                    {static_cast<std::uint32_t>(std::get<0>(pair)), static_cast<std::uint32_t>(std::get<1>(pair))});
            }));
        };
        EXPECT_EQ(0U, missed(sweep_cut(threshold, 384)));
        missed_by_unsound_cut += missed(static_cast<float>(threshold));
    }
    EXPECT_GT(missed_by_unsound_cut, 0U) << "these rows do not exercise the band";
}

INSTANTIATE_TEST_SUITE_P(Isas, SweepIsa, ::testing::Values(Isa::baseline, Isa::v3),
                         [](const auto& test) { return std::string{name(test.param)}; });

TEST(SweepCut, IsAtMostTheThresholdLessTheTolerance) {
    for (const std::size_t dim : {1U, 8U, 384U, 65536U}) {
        for (double threshold = -1.0; threshold <= 1.0; threshold += 1.0 / 512) {
            const double cut = double{sweep_cut(threshold, dim)};
            EXPECT_LE(cut, threshold - tolerance(dim));
            EXPECT_GT(cut, threshold - tolerance(dim) - 1e-6);
        }
    }
}

TEST(Tolerance, IsTheTextbookBound) {
    EXPECT_NEAR(2.313e-5, tolerance(384), 1e-8);
    EXPECT_NEAR(9.179e-5, tolerance(1536), 1e-8);
    EXPECT_LT(tolerance(kDimMax), 0.004);
}

// Fails at a given hit, or asks for a stop.
class Stopper final : public Sink {
public:
    explicit Stopper(Progress* cancelled) : cancelled_{cancelled} {}
    Status take(std::span<const Hit>) override {
        if (cancelled_ == nullptr) {
            return base::Error{ErrorCode::corrupt, "sink", "said no"};
        }
        cancelled_->cancelled.store(true);
        return {};
    }

private:
    Progress* cancelled_;
};

TEST(Sweep, StopsSoonWhenAskedTo) {
    const Rows rows = testing::random_rows(3000, 2, 1);
    const Prepared prepared{rows};
    const std::vector<std::size_t> starts{0, rows.count()};
    Progress progress;
    std::vector<Stopper> sinks(2, Stopper{&progress});
    const auto swept =
        sweep(prepared.side, prepared.side, plan_self(starts), -1.0F, pointers(sinks), {2, Isa::automatic, &progress});
    ASSERT_FALSE(swept.ok());
    EXPECT_EQ(ErrorCode::interrupted, swept.error().code);
    EXPECT_EQ(rows.count() * (rows.count() - 1) / 2, progress.total.load());
    EXPECT_LT(progress.done.load(), progress.total.load() / 2);

    Progress before;
    before.cancelled.store(true);
    const auto refused =
        sweep(prepared.side, prepared.side, plan_self(starts), -1.0F, pointers(sinks), {2, Isa::automatic, &before});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(ErrorCode::interrupted, refused.error().code);
    EXPECT_EQ(0U, before.done.load());
}

TEST(Sweep, TellsTheCauseNotThatTheOthersWereStopped) {
    const Rows rows = testing::random_rows(3000, 2, 1);
    const Prepared prepared{rows};
    const std::vector<std::size_t> starts{0, rows.count()};
    std::vector<Stopper> sinks(4, Stopper{nullptr});
    const auto swept =
        sweep(prepared.side, prepared.side, plan_self(starts), -1.0F, pointers(sinks), {4, Isa::automatic, nullptr});
    ASSERT_FALSE(swept.ok());
    EXPECT_EQ(ErrorCode::corrupt, swept.error().code);
}

TEST(Sweep, CountsItsWay) {
    const Rows rows = testing::random_rows(1000, 4, 1);
    const Prepared prepared{rows};
    const std::vector<std::size_t> starts{0, rows.count()};
    Progress progress;
    std::vector<Recorder> sinks(2);
    ASSERT_TRUE(
        sweep(prepared.side, prepared.side, plan_self(starts), 2.0F, pointers(sinks), {2, Isa::automatic, &progress})
            .ok());
    EXPECT_EQ(499500U, progress.total.load());
    EXPECT_EQ(499500U, progress.done.load());
}

}  // namespace
}  // namespace khala::vec
