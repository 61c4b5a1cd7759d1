#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "vec/datasets.hpp"
#include "vec/isa.hpp"
#include "vec/join.hpp"

namespace khala::vec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Rows;
using testing::Triple;

// By query, then falling cosine, then row; at most `best` a query (0 = all).
std::vector<Triple> brute_force(const Rows& queries, const Rows& rows, double threshold, std::uint64_t best,
                                const std::vector<std::int32_t>& query_groups = {},
                                const std::vector<std::int32_t>& groups = {}) {
    std::vector<Triple> all;
    for (std::size_t query = 0; query < queries.count(); ++query) {
        std::vector<Triple> own;
        for (std::size_t row = 0; row < rows.count(); ++row) {
            const double cosine = testing::slow_sim64(queries.view().row(query), rows.view().row(row), rows.dim);
            if (cosine >= threshold && (groups.empty() || query_groups[query] == groups[row])) {
                own.emplace_back(query, row, cosine);
            }
        }
        std::stable_sort(own.begin(), own.end(),
                         [](const Triple& a, const Triple& b) { return std::get<2>(a) > std::get<2>(b); });
        if (best > 0 && own.size() > best) {
            own.resize(best);
        }
        all.insert(all.end(), own.begin(), own.end());
    }
    return all;
}

Matches matched(const Rows& queries, const Rows& rows, const MatchOptions& options) {
    auto matches = match_rows(queries.view(), rows.view(), options);
    EXPECT_TRUE(matches.ok()) << (matches.ok() ? "" : matches.error().to_string());
    return std::move(matches).value();
}

TEST(MatchRows, EqualsBruteForceWholeAndBest) {
    const Rows rows = testing::clustered_rows(1500, 32, 20, 0.3F, 1);
    Rows queries = testing::clustered_rows(60, 32, 20, 0.3F, 1);
    const auto groups = testing::random_groups(rows.count(), 4, 1);
    const auto query_groups = testing::random_groups(queries.count(), 5, 2);
    for (const double threshold : {-1.0, 0.5, 0.9, 0.93}) {
        for (const std::uint64_t best : {0U, 1U, 3U, 5000U}) {
            for (const int threads : {1, 3}) {
                const Execution execution{threads, Isa::automatic, nullptr};
                EXPECT_EQ(
                    brute_force(queries, rows, threshold, best),
                    testing::triples(
                        matched(queries, rows, {.threshold = threshold, .best = best, .execution = execution}).pairs));
                EXPECT_EQ(brute_force(queries, rows, threshold, best, query_groups, groups),
                          testing::triples(matched(queries, rows,
                                                   {.threshold = threshold,
                                                    .query_groups = query_groups,
                                                    .row_groups = groups,
                                                    .best = best,
                                                    .execution = execution})
                                               .pairs));
            }
        }
    }
}

// What a corpus answers is what its matrix answers, bit by bit, whether codes tell much or nothing.
TEST(MatchRows, ACorpusAnswersAsItsMatrixDoes) {
    const Rows rows = testing::clustered_rows(1500, 96, 20, 0.3F, 1);
    const Rows queries = testing::clustered_rows(61, 96, 20, 0.3F, 1);
    const auto groups = testing::random_groups(rows.count(), 4, 1);
    const auto query_groups = testing::random_groups(queries.count(), 5, 2);
    for (const Isa isa : {Isa::baseline, Isa::v3, Isa::v4}) {
        if (!resolve_isa(isa).ok()) {
            continue;
        }
        const Execution execution{2, isa, nullptr};
        const auto whole = Corpus::make(rows.view(), {.execution = execution}).value();
        const auto grouped = Corpus::make(rows.view(), {.groups = groups, .execution = execution}).value();
        for (const double threshold : {-1.0, 0.5, 0.9, 0.93}) {
            for (const std::uint64_t best : {0U, 3U}) {
                const MatchOptions options{.threshold = threshold, .best = best, .execution = execution};
                const Matches found = match_rows(queries.view(), *whole, options).value();
                EXPECT_EQ(brute_force(queries, rows, threshold, best), testing::triples(found.pairs));
                EXPECT_EQ(isa, found.certificate.isa);
                EXPECT_EQ(Method::codes, found.certificate.plan.method);
                MatchOptions by_group = options;
                by_group.query_groups = query_groups;
                EXPECT_EQ(brute_force(queries, rows, threshold, best, query_groups, groups),
                          testing::triples(match_rows(queries.view(), *grouped, by_group).value().pairs));
            }
        }
    }
}

TEST(MatchRows, ACorpusHasItsOwnGroupsAndFaults) {
    const Rows rows{{0, 0, 1, 0, 0, 1}, 2};
    EXPECT_EQ("matrix", Corpus::make(rows.view(), {}).error().field);
    const auto corpus = Corpus::make(rows.view(), {.faulty = Faulty::report}).value();
    EXPECT_THAT(corpus->faults(), ElementsAre(RowFault{0, RowFaultKind::zero_norm}));
    const Rows queries{{2, 0}, 2};
    const Matches matches = match_rows(queries.view(), *corpus, {.threshold = 0.5}).value();
    EXPECT_THAT(matches.pairs.right, ElementsAre(1));
    EXPECT_THAT(matches.row_faults, ElementsAre(RowFault{0, RowFaultKind::zero_norm}));
    const std::vector<std::int32_t> groups{1, 1, 2};
    const std::vector<std::int32_t> one{1};
    EXPECT_EQ("groups", match_rows(queries.view(), *corpus, {.row_groups = groups}).error().field);
    EXPECT_EQ("groups", match_rows(queries.view(), *corpus, {.query_groups = one}).error().field);
    const auto grouped = Corpus::make(rows.view(), {.groups = groups, .faulty = Faulty::report}).value();
    EXPECT_EQ("query_groups", match_rows(queries.view(), *grouped, {}).error().field);
    const Rows wide{{1, 2, 3}, 3};
    EXPECT_EQ("queries", match_rows(wide.view(), *corpus, {}).error().field);
    EXPECT_EQ("threads", Corpus::make(rows.view(), {.execution = {0, Isa::automatic, nullptr}}).error().field);
    const Rows none{{}, 2};
    const auto empty = Corpus::make(none.view(), {}).value();
    EXPECT_EQ(0U, match_rows(queries.view(), *empty, {}).value().certificate.pairs);
}

TEST(MatchRows, EqualCosinesGoToTheLowerRow) {
    const Rows rows{{1, 0, 0, 1, 1, 0, 1, 0}, 2};
    const Rows queries{{1, 0}, 2};
    const Matches matches = matched(queries, rows, {.threshold = 0.5, .best = 2});
    EXPECT_THAT(matches.pairs.right, ElementsAre(0, 2));
    EXPECT_THAT(matches.pairs.cosine, ElementsAre(1.0, 1.0));
}

TEST(MatchRows, NearThresholdRowsAreDecidedByFloat64) {
    const Rows all = testing::equiangular_rows(200, 384, 0.9, 3);
    const Rows queries{{all.data.begin(), all.data.begin() + 50 * 384}, 384};
    const Rows rows{{all.data.begin() + 50 * 384, all.data.end()}, 384};
    const Matches matches = matched(queries, rows, {.threshold = 0.9});
    EXPECT_EQ(brute_force(queries, rows, 0.9, 0), testing::triples(matches.pairs));
    EXPECT_GT(matches.certificate.rechecked, 1000U);
    EXPECT_EQ(brute_force(queries, rows, 0.9, 5),
              testing::triples(matched(queries, rows, {.threshold = 0.9, .best = 5}).pairs));
}

TEST(MatchRows, EmptySidesHaveNoMatches) {
    const Rows rows = testing::random_rows(3, 4, 1);
    const Rows none{{}, 4};
    EXPECT_EQ(0U, matched(none, rows, {.threshold = 0}).certificate.pairs);
    EXPECT_EQ(0U, matched(rows, none, {.threshold = 0}).certificate.pairs);
    EXPECT_EQ(0U, matched(none, none, {.threshold = 0}).certificate.pairs);
}

TEST(MatchRows, FaultyRowsOfBothSidesAreListed) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Rows queries{{1, 0, nan, 1}, 2};
    const Rows rows{{0, 0, 1, 0}, 2};
    EXPECT_EQ("queries", match_rows(queries.view(), rows.view(), {.threshold = 0.5}).error().field);
    const Matches matches = matched(queries, rows, {.threshold = 0.5, .faulty = Faulty::report});
    EXPECT_THAT(matches.query_faults, ElementsAre(RowFault{1, RowFaultKind::nan}));
    EXPECT_THAT(matches.row_faults, ElementsAre(RowFault{0, RowFaultKind::zero_norm}));
    EXPECT_THAT(matches.pairs.right, ElementsAre(1));
}

TEST(MatchRows, LimitsAreTheSameForAnyNumberOfThreads) {
    const Rows rows = testing::clustered_rows(2000, 8, 1, 0.01F, 1);
    const Rows queries{{rows.data.begin(), rows.data.begin() + 10 * 8}, 8};
    for (const int threads : {1, 4}) {
        const Execution execution{threads, Isa::automatic, nullptr};
        EXPECT_EQ(
            20'000U,
            matched(queries, rows, {.threshold = 0.5, .max_pairs = 20'000, .execution = execution}).certificate.pairs);
        EXPECT_EQ("max_pairs", match_rows(queries.view(), rows.view(),
                                          {.threshold = 0.5, .max_pairs = 19'999, .execution = execution})
                                   .error()
                                   .field);
        EXPECT_EQ(50U, matched(queries, rows, {.threshold = 0.5, .best = 5, .max_pairs = 50, .execution = execution})
                           .certificate.pairs);
        EXPECT_FALSE(match_rows(queries.view(), rows.view(),
                                {.threshold = 0.5, .best = 5, .max_pairs = 49, .execution = execution})
                         .ok());
    }
}

TEST(MatchRows, RefusesSidesThatDoNotFit) {
    const Rows queries = testing::random_rows(2, 3, 1);
    const Rows rows = testing::random_rows(2, 4, 1);
    EXPECT_THAT(match_rows(queries.view(), rows.view(), {}).error().message,
                HasSubstr("3 columns, and the matrix has 4"));
    const std::vector<std::int32_t> groups{1, 2};
    EXPECT_EQ("query_groups", match_rows(rows.view(), rows.view(), {.row_groups = groups}).error().field);
    EXPECT_EQ("groups", match_rows(rows.view(), rows.view(), {.query_groups = groups}).error().field);
}

}  // namespace
}  // namespace khala::vec
