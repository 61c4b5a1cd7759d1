#include "vec/cells.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "vec/cell_planner.hpp"
#include "vec/datasets.hpp"
#include "vec/isa.hpp"

namespace khala::vec {
namespace {

using testing::brute_force;
using testing::Case;
using testing::cases;
using testing::isas;
using testing::Oracle;
using testing::Random;
using testing::Rows;
using testing::triples;

Join joined(const Rows& rows, const JoinOptions& options) {
    auto join = self_join(rows.view(), options);
    EXPECT_TRUE(join.ok()) << (join.ok() ? "" : join.error().to_string());
    return std::move(join).value();
}

JoinOptions with_cells(double threshold, std::size_t cells, const Execution& execution = {}, Groups groups = {}) {
    return {.threshold = threshold,
            .groups = groups,
            .execution = execution,
            .plan = {.method = Method::cells, .cells = cells}};
}

// --- kernels
// ----------------------------------------------------------------------------------------------------------

TEST(CellKernels, ChooseTheHighestScoreAndWhatIsInReachOfIt) {
    constexpr std::size_t kRows = 37;
    constexpr std::size_t kCells = 48;
    Random random{1};
    std::uniform_int_distribution<int> level{-6, 6};  // few values: many are equal
    const auto some = [&](std::size_t count) {
        std::vector<float> values(count);
        std::generate(values.begin(), values.end(), [&] { return 0.125F * static_cast<float>(level(random)); });
        return values;
    };
    const std::vector<float> products = some(kRows * kCells);
    const std::vector<float> halves = some(kCells);
    const std::vector<float> reach = some(kCells * kCells);
    for (const Isa isa : isas()) {
        SCOPED_TRACE(name(isa));
        const CodeKernels& kernels = code_kernels_for(isa);
        std::vector<float> scores = products;
        std::vector<std::uint16_t> own(kRows);
        std::vector<std::uint16_t> counts(kRows);
        std::vector<std::uint16_t> near(kRows * kCells);
        kernels.nearest_cells(scores.data(), kRows, kCells, halves.data(), own.data());
        near.resize(
            kernels.cells_in_reach(scores.data(), kRows, kCells, reach.data(), own.data(), counts.data(), near.data()));
        std::vector<std::uint16_t> expected;
        for (std::size_t row = 0; row < kRows; ++row) {
            std::vector<float> slow(kCells);
            for (std::size_t cell = 0; cell < kCells; ++cell) {
                slow[cell] = products[row * kCells + cell] - halves[cell];
                EXPECT_EQ(slow[cell], scores[row * kCells + cell]);
            }
            const auto best = std::max_element(slow.begin(), slow.end()) - slow.begin();
            ASSERT_EQ(best, own[row]);
            const std::size_t before = expected.size();
            for (std::size_t cell = 0; cell < kCells; ++cell) {
                if (cell != own[row] && slow[cell] + reach[own[row] * kCells + cell] >= slow[own[row]]) {
                    expected.push_back(static_cast<std::uint16_t>(cell));
                }
            }
            EXPECT_EQ(expected.size() - before, counts[row]);
        }
        EXPECT_EQ(expected, near);
    }
}

// --- plans
// ------------------------------------------------------------------------------------------------------------

// Rows with everything that a plan is made of.
struct Sorted {
    Rows rows;
    std::vector<double> norms;
    std::vector<std::uint32_t> order;
    Rotation rotation;
    Projected projected;
    CellModel model;

    [[nodiscard]] CellPlan plan(const CellModel& with) const {
        CellRows near{with, Isa::automatic, order.size(), 1U << 30U};
        for (std::size_t begin = 0; begin < order.size(); begin += kEncodePiece) {
            near.add(begin, std::min(order.size(), begin + kEncodePiece), projected.row(begin));
        }
        const std::size_t starts[] = {0, order.size()};
        return plan_cells(near, order, starts, 2);
    }
};

Sorted sorted(Rows rows, std::size_t cells, double threshold) {
    Sorted result{std::move(rows), {}, {}, {}, {}, {}};
    const MatrixView view = result.rows.view();
    result.norms = check_rows(view, "matrix", Faulty::refuse).value().norms;
    result.order.resize(view.rows);
    std::iota(result.order.begin(), result.order.end(), 0U);
    result.rotation = fit_rotation(view, 0, Isa::automatic).value();
    const Side side{view, result.norms, result.order};
    const Isa isa = resolve_isa(Isa::automatic).value();
    result.projected = project_sample(result.rotation, side, view.rows, 0, kernels_for(isa));
    result.model = train_cells(result.projected, cells, isa, 1).value();
    set_reach(result.model, std::sqrt(square_limit(threshold)), rotation_error(result.rotation) + 2e-6, isa);
    return result;
}

// How often each pair of rows is in a block that reports it.
std::map<std::pair<std::uint32_t, std::uint32_t>, int> looked_at(const CellPlan& plan) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> times;
    const auto count = [&](std::uint32_t left, std::uint32_t right) {
        const std::uint32_t a = plan.order[left];
        const std::uint32_t b = plan.order[right];
        ++times[{std::min(a, b), std::max(a, b)}];
    };
    for (const Block& block : plan.blocks) {
        for (std::uint32_t left = block.first_left; left < block.first_left + block.lefts; ++left) {
            for (std::uint32_t at = block.first_right; at < block.first_right + block.rights; ++at) {
                const std::uint32_t right = block.listed ? plan.listed[at] : at;
                if (block.listed ? !plan.elsewhere(left, right) : !block.diagonal || left < right) {
                    count(left, right);
                }
            }
        }
    }
    return times;
}

// Pairs of a join that are in no block.
std::size_t lost(const Sorted& data, const CellPlan& plan, double threshold) {
    const auto times = looked_at(plan);
    const auto pairs = brute_force(data.rows, threshold);
    EXPECT_GT(pairs.size(), 100U) << "nothing could be lost";
    return static_cast<std::size_t>(std::count_if(pairs.begin(), pairs.end(), [&](const auto& pair) {
        const auto row = [](std::int64_t number) { return static_cast<std::uint32_t>(number); };
        return !times.contains({row(std::get<0>(pair)), row(std::get<1>(pair))});
    }));
}

TEST(CellPlan, ReportsEveryPairThatItDoesNotRuleOutOnce) {
    const Sorted data = sorted(testing::clustered_rows(700, 32, 40, 0.5F, 3), 32, 0.8);
    const CellPlan plan = data.plan(data.model);
    const auto times = looked_at(plan);
    EXPECT_TRUE(std::all_of(times.begin(), times.end(), [](const auto& pair) { return pair.second == 1; }));
    EXPECT_EQ(700U * 699 / 2, plan.pairs);
    EXPECT_EQ(plan.pairs - times.size(), plan.ruled_out);
    EXPECT_GT(plan.ruled_out, plan.pairs / 10);
    EXPECT_GT(pair_count(plan.blocks), times.size()) << "no pair is near from both sides";
    EXPECT_EQ(0U, lost(data, plan, 0.8));
    const std::set<std::uint32_t> distinct(plan.order.begin(), plan.order.end());
    EXPECT_EQ(700U, distinct.size());
}

// That the test above can fail: with less reach than is safe, pairs are lost.
TEST(CellPlan, APlantedWrongMarginLosesPairs) {
    const Sorted data = sorted(testing::clustered_rows(700, 32, 40, 0.5F, 3), 32, 0.8);
    CellModel wrong = data.model;
    for (float& reach : wrong.reach) {
        reach *= 0.5F;
    }
    EXPECT_GT(lost(data, data.plan(wrong), 0.8), 0U);
}

// The reach is not larger than it has to be: rows right at the threshold, on either side of a plane between centres.
TEST(CellPlan, RowsAtTheThresholdAcrossAPlaneAreInReachAndThoseBeyondAreNot) {
    CellModel model;
    model.cells = kCellStep;
    model.width = 3;
    model.centres.assign(kCellStep * 3, 0.0F);
    model.halves.assign(kCellStep, 0.0F);
    for (std::size_t cell = 0; cell < kCellStep; ++cell) {
        model.centres[3 * cell] = cell == 0 ? 0.5F : -0.5F;
        model.halves[cell] = 0.125F;
    }
    const double distance = 0.4;
    set_reach(model, distance, 0.0, Isa::automatic);
    const auto near = [&](float x) {
        CellScores scores{model, Isa::automatic, 1};
        const float row[] = {x, 0.0F, 0.0F};
        scores.score(row, 1);
        EXPECT_EQ(0U, scores.own()[0]);
        return scores.near().cells.size();
    };
    EXPECT_EQ(kCellStep - 1, near(0.2F));
    EXPECT_EQ(kCellStep - 1, near(0.01F));
    EXPECT_EQ(0U, near(0.2005F));
}

TEST(Reorder, PutsTheCodesOfEveryRowWhereItNowIs) {
    constexpr std::size_t kRows = 200;
    std::vector<std::uint32_t> before(kRows);
    std::iota(before.begin(), before.end(), 0U);
    std::shuffle(before.begin() + 20, before.end(), Random{4});
    Codes codes;
    codes.stride = 5;
    codes.codes = std::make_unique<std::uint8_t[]>(kRows * codes.stride);
    codes.terms.resize(kRows);
    for (std::size_t row = 0; row < kRows; ++row) {
        codes.codes[row * codes.stride + 4] = static_cast<std::uint8_t>(row);
        codes.terms[row].square = static_cast<std::int32_t>(row);
    }
    reorder(codes, before);
    for (std::size_t position = 0; position < kRows; ++position) {
        EXPECT_EQ(before[position], codes.codes[position * codes.stride + 4]);
        EXPECT_EQ(static_cast<std::int32_t>(before[position]), codes.terms[position].square);
    }
}

// --- joins
// ------------------------------------------------------------------------------------------------------------

void expect_exact(const Case& test, const Oracle& oracle, double threshold, std::size_t cells, Isa isa) {
    SCOPED_TRACE(test.name + " " + std::to_string(threshold) + " " + std::string{name(isa)} + " " +
                 std::to_string(cells));
    const Execution execution{1, isa, nullptr};
    const Join whole = joined(test.rows, with_cells(threshold, cells, execution));
    EXPECT_EQ(oracle.whole, triples(whole.pairs));
    const Join grouped = joined(test.rows, with_cells(threshold, cells, execution, oracle.groups));
    EXPECT_EQ(oracle.grouped, triples(grouped.pairs));
    const Certificate& certificate = whole.certificate;
    if (certificate.pairs_evaluated > 0) {
        EXPECT_EQ(Method::cells, certificate.plan.method);
        EXPECT_EQ(cells, certificate.plan.cells);
        EXPECT_EQ(certificate.compared_rows * (certificate.compared_rows - 1) / 2, certificate.pairs_evaluated);
        EXPECT_GE(certificate.pairs_coded + certificate.pairs_ruled_out, certificate.pairs_evaluated);
    }
}

TEST(SelfJoinByCells, EqualsBruteForceBitByBit) {
    for (const Case& test : cases()) {
        for (const double threshold : test.thresholds) {
            expect_exact(test, Oracle{test, threshold}, threshold, 32, Isa::automatic);
        }
    }
}

TEST(SelfJoinByCells, EqualsBruteForceWithEveryNumberOfCellsAndEveryKernel) {
    for (const Case& test : cases()) {
        const Oracle oracle{test, test.thresholds.back()};
        for (const Isa isa : isas()) {
            for (const std::size_t cells : {16U, 64U, 256U}) {  // of the last most are empty or hold one row
                expect_exact(test, oracle, test.thresholds.back(), cells, isa);
            }
        }
    }
}

TEST(SelfJoinByCells, HoldsAtTheEndsOfTheScale) {
    const Rows rows = testing::random_rows(200, 24, 3);
    for (const double threshold : {-1.0, -0.999999, 0.0, 0.999999, 1.0}) {
        EXPECT_EQ(brute_force(rows, threshold), triples(joined(rows, with_cells(threshold, 16)).pairs)) << threshold;
    }
    // All rows in one cell, and so near each other that the centres are as good as equal.
    const Rows one = testing::clustered_rows(300, 16, 1, 1e-6F, 4);
    EXPECT_EQ(brute_force(one, 0.9999999), triples(joined(one, with_cells(0.9999999, 16)).pairs));
    for (const std::size_t count : {0U, 1U, 2U, 3U}) {
        const Rows few = testing::clustered_rows(count, 8, 1, 0.1F, 8);
        EXPECT_EQ(brute_force(few, 0.5), triples(joined(few, with_cells(0.5, 64)).pairs));
    }
}

TEST(SelfJoinByCells, DoesNotDependOnTheNumberOfThreads) {
    const Rows rows = testing::clustered_rows(3000, 48, 60, 0.3F, 9);
    const auto groups = testing::random_groups(rows.count(), 2, 1);
    const Join reference = joined(rows, with_cells(0.9, 48, {1, Isa::automatic, nullptr}, groups));
    EXPECT_EQ(brute_force(rows, 0.9, groups), triples(reference.pairs));
    EXPECT_GT(reference.certificate.pairs_ruled_out, reference.certificate.pairs_evaluated / 2);
    for (const int threads : {2, 3}) {
        const Join join = joined(rows, with_cells(0.9, 48, {threads, Isa::automatic, nullptr}, groups));
        EXPECT_EQ(reference.certificate.set_hash, join.certificate.set_hash);
        EXPECT_EQ(reference.certificate.pairs_ruled_out, join.certificate.pairs_ruled_out);
        EXPECT_EQ(reference.certificate.pairs_coded, join.certificate.pairs_coded);
        EXPECT_EQ(reference.certificate.candidates, join.certificate.candidates);
    }
}

TEST(SelfJoinByCells, ProgressEndsAtAllPairs) {
    const Rows rows = testing::clustered_rows(2000, 32, 50, 0.3F, 9);
    Progress progress;
    const Join join = joined(rows, with_cells(0.9, 32, {2, Isa::automatic, &progress}));
    EXPECT_GT(join.certificate.pairs_ruled_out, 0U);
    EXPECT_EQ(2000U * 1999 / 2, progress.total.load());
    EXPECT_EQ(progress.total.load(), progress.done.load());
    Progress stopped;
    stopped.cancelled = true;
    const auto refused = self_join(rows.view(), with_cells(0.9, 32, {2, Isa::automatic, &stopped}));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(base::ErrorCode::interrupted, refused.error().code);
}

// Without structure every row is near every cell: the lists would outgrow the rows, and are given up.
TEST(SelfJoinByCells, ListsThatWouldTakeTooMuchMemoryAreGivenUp) {
    const Rows rows = testing::random_rows(1300, 64, 5);
    ASSERT_LT(places_max(1300, 64), 1300U * 450);
    const Join join = joined(rows, with_cells(-0.3, 512));
    EXPECT_EQ(Method::codes, join.certificate.plan.method);
    EXPECT_EQ(0U, join.certificate.plan.cells);
    EXPECT_EQ(0U, join.certificate.pairs_ruled_out);
    EXPECT_EQ(brute_force(rows, -0.3), triples(join.pairs));
}

// Where products of few candidates are taken for codes, rows of lists are as good as rows in order.
TEST(SelfJoinByCells, RowsThatCodesCannotTellApartAreMultiplied) {
    const Rows rows = testing::cone_rows(1200, 48, 6);
    const Sorted data = sorted(rows, 16, 0.85);
    CellPlan plan = data.plan(data.model);
    const Side side{rows.view(), data.norms, plan.order};
    struct Collect final : Sink {
        base::Status take(std::span<const Hit> hits) override {
            found.insert(found.end(), hits.begin(), hits.end());
            return {};
        }
        std::vector<Hit> found;
    } collect;
    Sink* const sinks[] = {&collect};
    const float cut = sweep_cut(0.85, rows.dim);
    const auto swept = sweep(side, side, plan.blocks, cut, sinks, {}, nullptr, &plan);
    ASSERT_TRUE(swept.ok());
    std::set<std::pair<std::uint32_t, std::uint32_t>> found;
    for (const Hit& hit : collect.found) {
        const std::uint32_t a = plan.order[hit.left];
        const std::uint32_t b = plan.order[hit.right];
        EXPECT_TRUE(found.insert({std::min(a, b), std::max(a, b)}).second);
    }
    for (const auto& [left, right, cosine] : brute_force(rows, 0.85)) {
        EXPECT_TRUE(found.contains({static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right)}));
    }
}

// --- the planner's choice
// ---------------------------------------------------------------------------------------------

TEST(CellPlanner, ChoosesCellsForManyRowsWithThemesAndNotForRowsWithout) {
    constexpr std::size_t kRows = 50'000;
    const Execution execution{2, Isa::automatic, nullptr};
    const auto ways = [&](const Rows& rows, double threshold) {
        const Join chosen = joined(rows, {.threshold = threshold, .execution = execution});
        const Join plain =
            joined(rows, {.threshold = threshold, .execution = execution, .plan = {.method = Method::codes}});
        EXPECT_EQ(plain.certificate.set_hash, chosen.certificate.set_hash);
        EXPECT_EQ(plain.certificate.pairs, chosen.certificate.pairs);
        return chosen.certificate;
    };
    const Certificate themes = ways(testing::clustered_rows(kRows, 40, 400, 0.25F, 1), 0.97);
    EXPECT_EQ(Method::cells, themes.plan.method);
    EXPECT_GT(themes.pairs, 0U);
    EXPECT_GT(themes.pairs_ruled_out, themes.pairs_evaluated / 2);
    const Certificate none = ways(testing::random_rows(kRows, 40, 2), 0.8);
    EXPECT_NE(Method::cells, none.plan.method);
}

TEST(BlockJoin, HasNoCells) {
    const Rows rows = testing::clustered_rows(800, 24, 20, 0.3F, 2);
    const auto join = BlockJoin::make(rows.view(), with_cells(0.9, 32)).value();
    const Join all = join->run(0, join->blocks(), kPairsDefault, nullptr).value();
    EXPECT_EQ(Method::codes, all.certificate.plan.method);
    EXPECT_EQ(brute_force(rows, 0.9), triples(all.pairs));
}

}  // namespace
}  // namespace khala::vec
