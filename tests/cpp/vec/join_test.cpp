#include "vec/join.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "vec/datasets.hpp"
#include "vec/isa.hpp"

namespace khala::vec {
namespace {

using base::ErrorCode;
using testing::brute_force;
using testing::Case;
using testing::cases;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::isas;
using ::testing::IsEmpty;
using testing::Oracle;
using testing::Rows;
using testing::Triple;
using testing::triples;

Join joined(const Rows& rows, const JoinOptions& options) {
    auto join = self_join(rows.view(), options);
    EXPECT_TRUE(join.ok()) << (join.ok() ? "" : join.error().to_string());
    return std::move(join).value();
}

TEST(SelfJoin, EqualsBruteForceBitByBit) {
    for (const Case& test : cases()) {
        const auto groups = testing::random_groups(test.rows.count(), 5, 1);
        for (const double threshold : test.thresholds) {
            SCOPED_TRACE(test.name + " " + std::to_string(threshold));
            const Join whole = joined(test.rows, {.threshold = threshold});
            EXPECT_EQ(brute_force(test.rows, threshold), triples(whole.pairs));
            const Join grouped = joined(test.rows, {.threshold = threshold, .groups = groups});
            EXPECT_EQ(brute_force(test.rows, threshold, groups), triples(grouped.pairs));
        }
    }
}

void expect_codes_exact(const Case& test, const Oracle& oracle, double threshold, const PlanOptions& plan, Isa isa) {
    SCOPED_TRACE(test.name + " " + std::to_string(threshold) + " " + std::string{name(isa)} + " " +
                 std::to_string(plan.first_slots));
    const Execution execution{1, isa, nullptr};
    const Join whole = joined(test.rows, {.threshold = threshold, .execution = execution, .plan = plan});
    EXPECT_EQ(oracle.whole, triples(whole.pairs));
    const Join grouped =
        joined(test.rows, {.threshold = threshold, .groups = oracle.groups, .execution = execution, .plan = plan});
    EXPECT_EQ(oracle.grouped, triples(grouped.pairs));
    const Certificate& certificate = whole.certificate;
    EXPECT_EQ(certificate.pairs_evaluated, certificate.pairs_coded);
    EXPECT_LE(certificate.candidates, certificate.first_stage);
    EXPECT_EQ(certificate.pairs_evaluated > 0 ? Method::codes : Method::products, certificate.plan.method);
}

// First stages that leave much, little or nothing to the second.
TEST(SelfJoin, CodesEqualBruteForceBitByBit) {
    for (const Case& test : cases()) {
        const Rotation rotation =
            test.rows.count() > 0 ? fit_rotation(test.rows.view(), 0, Isa::automatic).value() : Rotation{};
        PlanOptions plan{.method = Method::codes, .rotation = test.rows.count() > 0 ? &rotation : nullptr};
        for (const double threshold : test.thresholds) {
            plan.first_slots = 48;
            expect_codes_exact(test, Oracle{test, threshold}, threshold, plan, Isa::automatic);
        }
        const Oracle oracle{test, test.thresholds.back()};
        for (const Isa isa : isas()) {
            for (const std::size_t first : {4U, 20U, 48U, 512U}) {
                plan.first_slots = first;
                expect_codes_exact(test, oracle, test.thresholds.back(), plan, isa);
            }
        }
    }
}

TEST(SelfJoin, IsTheSameOnEveryInstructionSetAndNumberOfThreads) {
    for (const Case& test : cases()) {
        const double threshold = test.thresholds.front();
        const Join reference = joined(test.rows, {.threshold = threshold, .execution = {1, Isa::baseline, nullptr}});
        for (const Isa isa : isas()) {
            for (const int threads : {1, 2, 3}) {
                SCOPED_TRACE(test.name);
                const Join join = joined(test.rows, {.threshold = threshold, .execution = {threads, isa, nullptr}});
                EXPECT_EQ(triples(reference.pairs), triples(join.pairs));
                EXPECT_EQ(reference.certificate.set_hash, join.certificate.set_hash);
                EXPECT_EQ(isa, join.certificate.isa);
            }
        }
    }
}

TEST(SelfJoin, IsTheSameForEveryOrderOfTheRows) {
    for (const Case& test : cases()) {
        std::vector<std::size_t> order(test.rows.count());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::shuffle(order.begin(), order.end(), testing::Random{11});
        const double threshold = test.thresholds.back();
        const Join reference = joined(test.rows, {.threshold = threshold});
        const Rows moved = testing::shuffled(test.rows, order);
        std::vector<Triple> back;
        for (const auto& [left, right, cosine] : triples(joined(moved, {.threshold = threshold}).pairs)) {
            const auto a = static_cast<std::int64_t>(order[static_cast<std::size_t>(left)]);
            const auto b = static_cast<std::int64_t>(order[static_cast<std::size_t>(right)]);
            back.emplace_back(std::min(a, b), std::max(a, b), cosine);
        }
        std::sort(back.begin(), back.end());
        EXPECT_EQ(triples(reference.pairs), back) << test.name;
    }
}

// That the comparison above can fail: each of these mistakes, made on purpose in a right answer, is noticed.
TEST(SelfJoin, PlantedMistakesAreNoticed) {
    const Rows rows = testing::equiangular_rows(250, 384, 0.95, 5);
    const auto expected = brute_force(rows, 0.95);
    const Join join = joined(rows, {.threshold = 0.95});
    ASSERT_EQ(expected, triples(join.pairs));
    ASSERT_GT(join.certificate.rechecked, expected.size() / 2) << "the band is not exercised";

    auto lost = triples(join.pairs);
    lost.pop_back();
    EXPECT_NE(expected, lost);
    auto swapped = triples(join.pairs);
    std::swap(std::get<0>(swapped[3]), std::get<1>(swapped[3]));
    EXPECT_NE(expected, swapped);
    // A threshold one unit in the last place too high loses exactly the pairs that sit on it.
    const double lowest =
        std::get<2>(*std::min_element(expected.begin(), expected.end(), [](const Triple& a, const Triple& b) {
            return std::get<2>(a) < std::get<2>(b);
        }));
    const double above = std::nextafter(lowest, 2.0);
    const Join at = joined(rows, {.threshold = lowest});
    const Join over = joined(rows, {.threshold = above});
    EXPECT_EQ(expected.size(), at.pairs.left.size());
    EXPECT_LT(over.pairs.left.size(), at.pairs.left.size());
    EXPECT_EQ(brute_force(rows, above), triples(over.pairs));
    EXPECT_NE(at.certificate.set_hash, over.certificate.set_hash);
}

TEST(SelfJoin, CollapsedCopiesStandForThePairsOfTheirRepresentatives) {
    const Rows rows = testing::duplicate_rows(600, 12, 40, 3);
    const auto groups = testing::random_groups(600, 3, 2);
    const double threshold = 0.3;
    const Join expanded = joined(rows, {.threshold = threshold, .groups = groups});
    const Join collapsed = joined(rows, {.threshold = threshold, .groups = groups, .copies = Copies::collapse});
    EXPECT_EQ(expanded.representative, collapsed.representative);
    std::vector<Triple> expected;
    for (const Triple& pair : triples(expanded.pairs)) {
        const auto [left, right, cosine] = pair;
        if (expanded.representative[static_cast<std::size_t>(left)] == left &&
            expanded.representative[static_cast<std::size_t>(right)] == right) {
            expected.push_back(pair);
        }
    }
    EXPECT_EQ(expected, triples(collapsed.pairs));
    EXPECT_LT(collapsed.pairs.left.size(), expanded.pairs.left.size() / 4);
}

TEST(SelfJoin, FaultyRowsAreRefusedOrListedAndLeftOut) {
    Rows rows = testing::clustered_rows(40, 6, 2, 0.1F, 1);
    const auto clean = joined(rows, {.threshold = 0.9});
    rows.data[3 * 6] = std::numeric_limits<float>::quiet_NaN();
    std::fill_n(rows.data.begin() + 17 * 6, 6, 0.0F);
    const auto refused = self_join(rows.view(), {.threshold = 0.9});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ("matrix", refused.error().field);
    EXPECT_THAT(refused.error().message, HasSubstr("2 of 40 rows cannot be compared: row 3 (nan), row 17 (zero_norm)"));

    const Join reported = joined(rows, {.threshold = 0.9, .faulty = Faulty::report});
    EXPECT_THAT(reported.faults, ElementsAre(RowFault{3, RowFaultKind::nan}, RowFault{17, RowFaultKind::zero_norm}));
    auto expected = triples(clean.pairs);
    std::erase_if(expected, [](const Triple& pair) {
        const auto touches = [&](std::int64_t row) { return std::get<0>(pair) == row || std::get<1>(pair) == row; };
        return touches(3) || touches(17);
    });
    EXPECT_EQ(expected, triples(reported.pairs));
    EXPECT_EQ(38U, reported.certificate.compared_rows);
}

TEST(SelfJoin, TooManyPairsAreAnErrorNeverAShorterAnswer) {
    const Rows rows = testing::clustered_rows(300, 8, 1, 0.01F, 1);
    const std::uint64_t all = 300 * 299 / 2;
    for (const int threads : {1, 4}) {
        const Execution execution{threads, Isa::automatic, nullptr};
        EXPECT_EQ(all, joined(rows, {.threshold = 0.5, .max_pairs = all, .execution = execution}).certificate.pairs);
        const auto refused = self_join(rows.view(), {.threshold = 0.5, .max_pairs = all - 1, .execution = execution});
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(ErrorCode::invalid_argument, refused.error().code);
        EXPECT_EQ("max_pairs", refused.error().field);
        EXPECT_THAT(refused.error().message, HasSubstr("more than 44849 pairs"));
    }
    // Pairs between copies count each.
    std::vector<float> two_kinds(200, 1.0F);
    std::fill(two_kinds.begin() + 100, two_kinds.end(), 2.0F);
    const Rows copied{two_kinds, 1};
    EXPECT_EQ(19'900U, joined(copied, {.threshold = 0.5, .max_pairs = 19'900}).certificate.pairs);
    EXPECT_FALSE(self_join(copied.view(), {.threshold = 0.5, .max_pairs = 19'899}).ok());
    // Copies alone can be too many, and are counted before they are written down.
    const Rows copies{std::vector<float>(200'000, 1.0F), 1};
    const auto refused = self_join(copies.view(), {.threshold = 0.5});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ("max_pairs", refused.error().field);
    EXPECT_THAT(joined(copies, {.threshold = 0.5, .copies = Copies::collapse}).pairs.left, IsEmpty());
}

TEST(SelfJoin, ManyTinyGroupsAndOneLarge) {
    const Rows rows = testing::clustered_rows(3000, 24, 10, 0.2F, 5);
    std::vector<std::int32_t> groups(3000);
    for (std::size_t row = 0; row < groups.size(); ++row) {
        groups[row] = row % 3 == 0 ? 1'000'000 : static_cast<std::int32_t>(row / 7) - 100;
    }
    const Join join = joined(rows, {.threshold = 0.9, .groups = groups});
    EXPECT_EQ(brute_force(rows, 0.9, groups), triples(join.pairs));
}

TEST(SelfJoin, CertificateAddsUp) {
    const Rows rows = testing::duplicate_rows(500, 16, 200, 4);
    const Join join = joined(rows, {.threshold = 0.5});
    const Certificate& certificate = join.certificate;
    EXPECT_EQ(500U, certificate.rows);
    EXPECT_EQ(certificate.compared_rows * (certificate.compared_rows - 1) / 2, certificate.pairs_evaluated);
    EXPECT_LE(certificate.rechecked, certificate.candidates);
    EXPECT_EQ(join.pairs.left.size(), certificate.pairs);
    EXPECT_EQ(pair_set_hash(join.pairs.left, join.pairs.right).value(), certificate.set_hash);
    EXPECT_EQ(tolerance(16), certificate.tolerance);
}

// Whatever the ranges, on whatever processor each of them is done, together they are the whole join.
TEST(BlockJoin, RangesHoldEveryPairOnce) {
    const Rows rows = testing::duplicate_rows(3000, 24, 1800, 6);
    const auto groups = testing::random_groups(rows.count(), 2, 1);
    for (const Copies copies : {Copies::expand, Copies::collapse}) {
        const Join expected = joined(rows, {.threshold = 0.6, .groups = groups, .copies = copies});
        std::vector<Triple> together;
        std::uint64_t evaluated = 0;
        std::size_t blocks = 0;
        std::size_t turn = 0;
        for (std::size_t first = 0; turn == 0 || first < blocks; ++turn) {
            // A new process for every range: another instruction set, another plan.
            const Execution execution{1, isas()[turn % isas().size()], nullptr};
            const JoinOptions options{.threshold = 0.6,
                                      .groups = groups,
                                      .copies = copies,
                                      .execution = execution,
                                      .plan = {.method = turn % 2 == 0 ? Method::codes : Method::products}};
            const auto join = BlockJoin::make(rows.view(), options).value();
            blocks = join->blocks();
            const std::size_t last = std::min(blocks, first + 1 + turn % 3);
            const Join part = join->run(first, last, kPairsDefault, nullptr).value();
            evaluated += part.certificate.pairs_evaluated;
            const auto found = triples(part.pairs);
            together.insert(together.end(), found.begin(), found.end());
            first = last;
        }
        EXPECT_GT(turn, 3U);
        std::sort(together.begin(), together.end());
        EXPECT_EQ(triples(expected.pairs), together);
        EXPECT_EQ(expected.certificate.pairs_evaluated, evaluated);
    }
}

TEST(BlockJoin, RefusesRangesThatAreNotThereAndTooManyPairs) {
    const Rows rows = testing::clustered_rows(700, 8, 1, 0.01F, 1);
    const auto join = BlockJoin::make(rows.view(), {.threshold = 0.5}).value();
    ASSERT_GE(join->blocks(), 3U);
    EXPECT_EQ("blocks", join->run(0, join->blocks() + 1, 10, nullptr).error().field);
    EXPECT_EQ("blocks", join->run(2, 1, 10, nullptr).error().field);
    EXPECT_EQ("max_pairs", join->run(0, 1, 10, nullptr).error().field);
    EXPECT_EQ(0U, join->run(1, 1, 10, nullptr).value().certificate.pairs);
    const auto none = BlockJoin::make(Rows{{}, 8}.view(), {}).value();
    EXPECT_EQ(0U, none->blocks());
    EXPECT_EQ(0U, none->run(0, 0, 10, nullptr).value().certificate.pairs);
}

TEST(BlockJoin, FingerprintTellsInputsApart) {
    Rows rows = testing::random_rows(20, 5, 1);
    const auto groups = testing::random_groups(20, 3, 1);
    const auto print = [&](const JoinOptions& options) {
        return BlockJoin::make(rows.view(), options).value()->fingerprint();
    };
    const std::uint64_t before = print({.threshold = 0.5});
    EXPECT_EQ(before, print({.threshold = 0.5, .execution = {2, Isa::baseline, nullptr}}));
    EXPECT_NE(before, print({.threshold = 0.6}));
    EXPECT_NE(before, print({.threshold = 0.5, .groups = groups}));
    EXPECT_NE(before, print({.threshold = 0.5, .copies = Copies::collapse}));
    rows.data[7] += 1.0F;
    EXPECT_NE(before, print({.threshold = 0.5}));
}

TEST(SelfJoin, RefusesWhatItCannotServe) {
    const Rows rows = testing::random_rows(4, 3, 1);
    const auto field = [&](const JoinOptions& options) {
        const auto join = self_join(rows.view(), options);
        return join.ok() ? "nothing" : join.error().field;
    };
    const std::vector<std::int32_t> three{1, 2, 3};
    EXPECT_EQ("threshold", field({.threshold = 1.0000001}));
    EXPECT_EQ("threshold", field({.threshold = -1.1}));
    EXPECT_EQ("threshold", field({.threshold = std::numeric_limits<double>::quiet_NaN()}));
    EXPECT_EQ("groups", field({.threshold = 0.5, .groups = three}));
    EXPECT_EQ("threads", field({.threshold = 0.5, .execution = {0, Isa::automatic, nullptr}}));
    EXPECT_EQ("threads", field({.threshold = 0.5, .execution = {kThreadsMax + 1, Isa::automatic, nullptr}}));
    EXPECT_EQ("nothing", field({.threshold = 0.5}));
}

TEST(PairSetHash, DependsOnTheSetAlone) {
    const std::vector<std::int64_t> left{1, 2, 3};
    const std::vector<std::int64_t> right{4, 5, 6};
    const std::vector<std::int64_t> left_moved{3, 1, 2};
    const std::vector<std::int64_t> right_moved{6, 4, 5};
    EXPECT_EQ(pair_set_hash(left, right).value(), pair_set_hash(left_moved, right_moved).value());
    EXPECT_NE(pair_set_hash(left, right).value(), pair_set_hash(right, left).value());
    EXPECT_NE(pair_set_hash(left, right).value(), pair_set_hash(left, right_moved).value());
    EXPECT_EQ(0U, pair_set_hash({}, {}).value());
    EXPECT_FALSE(pair_set_hash(left, {}).ok());
}

TEST(PairCosines, AreSim64) {
    const Rows rows = testing::random_rows(10, 9, 2);
    const std::vector<std::int64_t> left{0, 3, 5};
    const std::vector<std::int64_t> right{1, 3, 2};
    const auto cosines = pair_cosines(rows.view(), left, right);
    ASSERT_TRUE(cosines.ok());
    EXPECT_THAT(*cosines, ElementsAre(testing::slow_sim64(rows.view().row(0), rows.view().row(1), 9), 1.0,
                                      testing::slow_sim64(rows.view().row(5), rows.view().row(2), 9)));
    const std::vector<std::int64_t> outside{0, -1, 10};
    EXPECT_THAT(pair_cosines(rows.view(), left, outside).error().message, HasSubstr("pair 1 names row -1"));
    EXPECT_FALSE(pair_cosines(rows.view(), left, {}).ok());
}

}  // namespace
}  // namespace khala::vec
