#include "vec/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>

#include "vec/datasets.hpp"
#include "vec/join.hpp"

namespace khala::vec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Rows;

std::vector<std::int64_t> random_rank(std::size_t rows, std::uint64_t seed) {
    std::vector<std::int64_t> rank(rows);
    std::iota(rank.begin(), rank.end(), -100);
    std::shuffle(rank.begin(), rank.end(), testing::Random{seed});
    return rank;
}

PairColumns columns(const Pairs& pairs) {
    return {pairs.left, pairs.right, pairs.cosine};
}

// The definition, with a dense matrix of who is whose neighbour.
std::vector<std::int64_t> slow_stars(const Pairs& pairs, const std::vector<std::int64_t>& rank) {
    const std::size_t rows = rank.size();
    std::map<std::pair<std::size_t, std::size_t>, double> cosine;
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        const auto a = static_cast<std::size_t>(pairs.left[index]);
        const auto b = static_cast<std::size_t>(pairs.right[index]);
        cosine[{a, b}] = cosine[{b, a}] = pairs.cosine[index];
    }
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank[a] < rank[b]; });
    std::vector<std::size_t> canonical;  // best rank first
    for (const std::size_t row : order) {
        if (std::none_of(canonical.begin(), canonical.end(), [&](std::size_t other) {
                return cosine.contains({row, other});
            })) {
            canonical.push_back(row);
        }
    }
    std::vector<std::int64_t> result(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        std::size_t best = row;
        double highest = -2;
        for (const std::size_t other : canonical) {
            if (other == row) {
                best = row;
                break;
            }
            const auto found = cosine.find({row, other});
            if (found != cosine.end() && found->second > highest) {
                highest = found->second;
                best = other;
            }
        }
        result[row] = static_cast<std::int64_t>(best);
    }
    return result;
}

TEST(StarClusters, EqualTheirDefinition) {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
        const Rows rows = testing::clustered_rows(300, 12, 25, 0.35F, seed);
        const Join join = self_join(rows.view(), {.threshold = 0.85}).value();
        const auto rank = random_rank(300, seed);
        const auto stars = star_clusters(columns(join.pairs), rank, {});
        ASSERT_TRUE(stars.ok());
        EXPECT_EQ(slow_stars(join.pairs, rank), stars->canonical);
    }
}

TEST(StarClusters, EveryMemberReachesTheThresholdAndNoTwoCanonicalRowsDo) {
    const double threshold = 0.8;
    const Rows rows = testing::clustered_rows(500, 16, 20, 0.4F, 1);
    const Join join = self_join(rows.view(), {.threshold = threshold}).value();
    const Stars stars = star_clusters(columns(join.pairs), random_rank(500, 1), {}).value();
    std::vector<std::size_t> canonical;
    for (std::size_t row = 0; row < 500; ++row) {
        const auto star = static_cast<std::size_t>(stars.canonical[row]);
        EXPECT_EQ(stars.canonical[star], stars.canonical[row]);
        EXPECT_GE(stars.cosine[row], threshold);
        EXPECT_EQ(testing::slow_sim64(rows.view().row(row), rows.view().row(star), 16), stars.cosine[row]);
        if (star == row) {
            canonical.push_back(row);
        }
    }
    EXPECT_EQ(static_cast<std::int64_t>(canonical.size()), stars.clusters);
    EXPECT_LT(canonical.size(), 400U);
    for (const std::size_t a : canonical) {
        for (const std::size_t b : canonical) {
            EXPECT_TRUE(a == b || testing::slow_sim64(rows.view().row(a), rows.view().row(b), 16) < threshold);
        }
    }
}

TEST(StarClusters, DoNotDependOnTheOrderOfRowsOrPairs) {
    const Rows rows = testing::clustered_rows(300, 12, 25, 0.35F, 3);
    const auto rank = random_rank(300, 3);
    const Stars reference =
        star_clusters(columns(self_join(rows.view(), {.threshold = 0.85}).value().pairs), rank, {}).value();
    std::vector<std::size_t> order(300);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        std::shuffle(order.begin(), order.end(), testing::Random{seed});
        const Rows moved = testing::shuffled(rows, order);
        std::vector<std::int64_t> moved_rank;
        for (const std::size_t row : order) {
            moved_rank.push_back(rank[row]);
        }
        Pairs pairs = self_join(moved.view(), {.threshold = 0.85}).value().pairs;
        std::reverse(pairs.left.begin(), pairs.left.end());
        std::reverse(pairs.right.begin(), pairs.right.end());
        std::reverse(pairs.cosine.begin(), pairs.cosine.end());
        const Stars stars = star_clusters({pairs.right, pairs.left, pairs.cosine}, moved_rank, {}).value();
        for (std::size_t place = 0; place < order.size(); ++place) {
            const auto star = order[static_cast<std::size_t>(stars.canonical[place])];
            EXPECT_EQ(reference.canonical[order[place]], static_cast<std::int64_t>(star));
        }
    }
}

TEST(StarClusters, CollapsedCopiesLeadToTheSameClustersAsExpandedOnes) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const Rows rows = testing::duplicate_rows(400, 3, 60, seed);
        const auto rank = random_rank(400, seed);
        const Join expanded = self_join(rows.view(), {.threshold = 0.9}).value();
        const Join collapsed = self_join(rows.view(), {.threshold = 0.9, .copies = Copies::collapse}).value();
        const Stars reference = star_clusters(columns(expanded.pairs), rank, {}).value();
        const Stars with_both = star_clusters(columns(expanded.pairs), rank, expanded.representative).value();
        const Stars stars = star_clusters(columns(collapsed.pairs), rank, collapsed.representative).value();
        EXPECT_EQ(reference.canonical, stars.canonical);
        EXPECT_EQ(reference.cosine, stars.cosine);
        EXPECT_EQ(reference.clusters, stars.clusters);
        EXPECT_EQ(reference.canonical, with_both.canonical);
    }
}

TEST(StarClusters, RowsWithoutPairsAreTheirOwn) {
    const std::vector<std::int64_t> rank{5, 1, 3};
    const Stars stars = star_clusters({}, rank, {}).value();
    EXPECT_THAT(stars.canonical, ElementsAre(0, 1, 2));
    EXPECT_EQ(3, stars.clusters);
    EXPECT_EQ(0, star_clusters({}, {}, {}).value().clusters);
}

TEST(StarClusters, EqualCosinesGoToTheBetterRank) {
    const std::vector<std::int64_t> left{0, 2};
    const std::vector<std::int64_t> right{1, 1};
    const std::vector<double> cosine{0.9, 0.9};
    const std::vector<std::int64_t> first_better{0, 2, 1};
    const std::vector<std::int64_t> last_better{1, 2, 0};
    EXPECT_THAT(star_clusters({left, right, cosine}, first_better, {}).value().canonical, ElementsAre(0, 0, 2));
    EXPECT_THAT(star_clusters({left, right, cosine}, last_better, {}).value().canonical, ElementsAre(0, 2, 2));
}

TEST(StarClusters, RefuseWhatHasNoAnswer) {
    const std::vector<std::int64_t> left{0};
    const std::vector<std::int64_t> right{1};
    const std::vector<double> cosine{0.9};
    const std::vector<double> nan{std::numeric_limits<double>::quiet_NaN()};
    const std::vector<std::int64_t> rank{1, 2};
    const auto message = [](const auto& result) { return result.ok() ? "" : result.error().to_string(); };
    EXPECT_THAT(message(star_clusters({left, right, cosine}, std::vector<std::int64_t>{4, 4}, {})),
                HasSubstr("rank: rows 0 and 1 have the same rank 4"));
    EXPECT_THAT(message(star_clusters({left, std::vector<std::int64_t>{2}, cosine}, rank, {})),
                HasSubstr("pair 0 names row 2, and there are 2 rows"));
    EXPECT_THAT(message(star_clusters({left, left, cosine}, rank, {})), HasSubstr("row 0 with itself"));
    EXPECT_THAT(message(star_clusters({left, right, nan}, rank, {})), HasSubstr("cosine of pair 0 is not finite"));
    EXPECT_THAT(message(star_clusters({left, right, {}}, rank, {})), HasSubstr("the columns have 1, 1 and 0"));
    EXPECT_THAT(message(star_clusters({}, rank, std::vector<std::int64_t>{0})), HasSubstr("1 elements for 2 rows"));
    EXPECT_THAT(message(star_clusters({}, rank, std::vector<std::int64_t>{1, 0})),
                HasSubstr("row 0 is represented by 1, which does not represent itself"));
}

// Labels by relaxing to a fixed point, then the best rank of each label.
std::vector<std::int64_t> slow_components(const Pairs& pairs, const std::vector<std::int64_t>& rank) {
    std::vector<std::int64_t> label(rank.size());
    std::iota(label.begin(), label.end(), 0);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t index = 0; index < pairs.left.size(); ++index) {
            auto& a = label[static_cast<std::size_t>(pairs.left[index])];
            auto& b = label[static_cast<std::size_t>(pairs.right[index])];
            changed = changed || a != b;
            a = b = rank[static_cast<std::size_t>(a)] < rank[static_cast<std::size_t>(b)] ? a : b;
        }
    }
    return label;
}

TEST(ComponentClusters, HaveTheBestRankAsCanonical) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const Rows rows = testing::clustered_rows(300, 8, 30, 0.4F, seed);
        const Join join = self_join(rows.view(), {.threshold = 0.8}).value();
        const auto rank = random_rank(300, seed);
        EXPECT_EQ(slow_components(join.pairs, rank), component_clusters(columns(join.pairs), rank, {}).value());
    }
    const std::vector<std::int64_t> rank{3, 1, 2};
    const std::vector<std::int64_t> representative{0, 0, 2};
    EXPECT_THAT(component_clusters({}, rank, representative).value(), ElementsAre(1, 1, 2));
}

// The definition: look at all pairs of clusters, merge the best, begin again.
std::vector<std::int64_t> slow_complete(const Pairs& pairs, const std::vector<std::int64_t>& rank) {
    std::map<std::pair<std::size_t, std::size_t>, double> cosine;
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        const auto a = static_cast<std::size_t>(pairs.left[index]);
        const auto b = static_cast<std::size_t>(pairs.right[index]);
        cosine[{a, b}] = cosine[{b, a}] = pairs.cosine[index];
    }
    std::vector<std::vector<std::size_t>> clusters;  // each with its best-ranked row first
    for (std::size_t row = 0; row < rank.size(); ++row) {
        clusters.push_back({row});
    }
    using Key = std::tuple<double, std::int64_t, std::int64_t>;
    const auto link = [&](const auto& one, const auto& two) {
        double lowest = 2;
        for (const std::size_t a : one) {
            for (const std::size_t b : two) {
                const auto found = cosine.find({a, b});
                lowest = found == cosine.end() ? -2 : std::min(lowest, found->second);
                if (lowest < -1) {
                    return lowest;
                }
            }
        }
        return lowest;
    };
    for (;;) {
        std::optional<std::pair<Key, std::pair<std::size_t, std::size_t>>> best;
        for (std::size_t one = 0; one < clusters.size(); ++one) {
            for (std::size_t two = 0; two < one; ++two) {
                const double lowest = link(clusters[one], clusters[two]);
                const auto [better, worse] = std::minmax({rank[clusters[one].front()], rank[clusters[two].front()]});
                const Key key{-lowest, better, worse};
                if (lowest >= -1 && (!best || key < best->first)) {
                    best = {key, {one, two}};
                }
            }
        }
        if (!best) {
            break;
        }
        auto [one, two] = best->second;
        if (rank[clusters[two].front()] < rank[clusters[one].front()]) {
            std::swap(one, two);
        }
        clusters[one].insert(clusters[one].end(), clusters[two].begin(), clusters[two].end());
        clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(two));
    }
    std::vector<std::int64_t> canonical(rank.size());
    for (const auto& cluster : clusters) {
        for (const std::size_t row : cluster) {
            canonical[row] = static_cast<std::int64_t>(cluster.front());
        }
    }
    return canonical;
}

TEST(CompleteClusters, EqualTheirDefinition) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        const Rows rows = testing::clustered_rows(60, 6, 12, 0.5F, seed);
        const Join join = self_join(rows.view(), {.threshold = 0.7}).value();
        const auto rank = random_rank(60, seed);
        ASSERT_GT(join.pairs.left.size(), 40U);
        EXPECT_EQ(slow_complete(join.pairs, rank), complete_clusters(columns(join.pairs), rank, {}).value());
    }
}

TEST(CompleteClusters, DecideTiesByRank) {
    // A path of equal links: 0 - 1 - 2 - 3.
    const std::vector<std::int64_t> left{0, 1, 2, 1};
    const std::vector<std::int64_t> right{1, 2, 3, 0};
    const std::vector<double> cosine{0.9, 0.9, 0.9, 0.9};
    const std::vector<std::int64_t> ends_first{0, 1, 2, 3};
    const std::vector<std::int64_t> middle_first{3, 0, 1, 2};
    EXPECT_THAT(complete_clusters({left, right, cosine}, ends_first, {}).value(), ElementsAre(0, 0, 2, 2));
    EXPECT_THAT(complete_clusters({left, right, cosine}, middle_first, {}).value(), ElementsAre(0, 1, 1, 3));
}

TEST(CompleteClusters, CollapsedCopiesLeadToTheSameClustersAsExpandedOnes) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const Rows rows = testing::duplicate_rows(200, 3, 50, seed);
        const auto rank = random_rank(200, seed);
        const Join expanded = self_join(rows.view(), {.threshold = 0.9}).value();
        const Join collapsed = self_join(rows.view(), {.threshold = 0.9, .copies = Copies::collapse}).value();
        EXPECT_EQ(complete_clusters(columns(expanded.pairs), rank, expanded.representative).value(),
                  complete_clusters(columns(collapsed.pairs), rank, collapsed.representative).value());
    }
}

TEST(CompleteClusters, RefuseEqualRanks) {
    const std::vector<std::int64_t> rank{4, 4};
    EXPECT_THAT(complete_clusters({}, rank, {}).error().message, HasSubstr("have the same rank 4"));
    EXPECT_THAT(component_clusters({}, rank, {}).error().message, HasSubstr("have the same rank 4"));
}

TEST(InnerPairs, HoldTheLowestCosineAndCountWhatIsBelow) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const double threshold = 0.8;
        const Rows rows = testing::clustered_rows(300, 8, 30, 0.4F, seed);
        const Join join = self_join(rows.view(), {.threshold = threshold}).value();
        const auto canonical = component_clusters(columns(join.pairs), random_rank(300, seed), {}).value();
        struct Facts {
            std::int64_t size = 0;
            double lowest = 1;
            std::int64_t below = 0;
        };
        std::map<std::int64_t, Facts> expected;
        for (std::size_t i = 0; i < 300; ++i) {
            Facts& facts = expected[canonical[i]];
            ++facts.size;
            for (std::size_t j = 0; j < i; ++j) {
                if (canonical[j] == canonical[i]) {
                    const double cosine = testing::slow_sim64(rows.view().row(i), rows.view().row(j), 8);
                    facts.lowest = std::min(facts.lowest, cosine);
                    facts.below += static_cast<std::int64_t>(cosine < threshold);
                }
            }
        }
        std::erase_if(expected, [](const auto& entry) { return entry.second.size < 2; });
        for (const int threads : {1, 2}) {
            const InnerPairs found =
                inner_pairs(rows.view(), canonical, threshold, {threads, Isa::automatic, nullptr}).value();
            ASSERT_EQ(expected.size(), found.canonical.size());
            std::size_t place = 0;
            for (const auto& [root, facts] : expected) {
                EXPECT_EQ(root, found.canonical[place]);
                EXPECT_EQ(facts.size, found.size[place]);
                EXPECT_EQ(facts.lowest, found.min_cosine[place]);
                EXPECT_EQ(facts.below, found.below[place]);
                ++place;
            }
        }
    }
}

TEST(InnerPairs, AreRightWhereFloat32CannotTell) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const Rows rows = testing::equiangular_rows(120, 256, 0.9, seed);
        const Join join = self_join(rows.view(), {.threshold = 0.5}).value();
        const std::vector<std::int64_t> one(120, 0);
        std::vector<double> cosines = join.pairs.cosine;
        std::sort(cosines.begin(), cosines.end());
        const double median = cosines[cosines.size() / 2];
        const InnerPairs found = inner_pairs(rows.view(), one, median, {}).value();
        ASSERT_THAT(found.size, ElementsAre(120));
        EXPECT_EQ(cosines.front(), found.min_cosine[0]);
        EXPECT_EQ(std::count_if(cosines.begin(), cosines.end(), [&](double c) { return c < median; }), found.below[0]);
    }
}

TEST(InnerPairs, RefuseWhatHasNoAnswer) {
    const Rows rows{{1, 0, 1, 0, 1, 1, 0, 0}, 2};
    const auto message = [&](const std::vector<std::int64_t>& canonical) {
        return inner_pairs(rows.view(), canonical, 0.5, {}).error().to_string();
    };
    EXPECT_THAT(message({0, 0, 2, 0}), HasSubstr("matrix: row 3 is in a cluster, and cannot be compared"));
    EXPECT_THAT(message({0, 0, 2}), HasSubstr("3 elements for 4 rows"));
    EXPECT_THAT(message({1, 0, 2, 3}), HasSubstr("row 0 has the canonical row 1, which does not name itself"));
    EXPECT_THAT(message({4, 1, 2, 3}), HasSubstr("row 0 has the canonical row 4"));
    EXPECT_THAT(inner_pairs(rows.view(), std::vector<std::int64_t>{0, 1, 2, 3}, 0.5, {}).value().size, ElementsAre());
}

}  // namespace
}  // namespace khala::vec
