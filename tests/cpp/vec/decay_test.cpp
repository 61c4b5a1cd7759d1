#include "vec/decay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace khala::vec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Column = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(DecayScores, FollowTheirFormulas) {
    const Column importance{1.0, 0.8, 0.5};
    const Column age{30.0, 7.5, 0.0};
    const Column half_life{30.0, 30.0, 1.0};
    const Decay khala = decay_scores({importance, age, half_life}, DecayModel::khala_compat).value();
    EXPECT_THAT(khala.score, ElementsAre(std::exp(-1.0), 0.8 * std::exp(-0.25), 0.5));
    const Decay half = decay_scores({importance, age, half_life}, DecayModel::half_life).value();
    EXPECT_THAT(half.score, ElementsAre(0.5, 0.8 * std::exp2(-0.25), 0.5));
}

TEST(DecayScores, TakeDoubtfulAgesAsZeroAndCountThem) {
    const Column importance{0.9, 0.9, 0.9, 0.9, 0.9};
    const Column age{-1.0, kNan, -kInfinity, kInfinity, -0.0};
    const Column half_life(5, 2.0);
    for (const DecayModel model : {DecayModel::khala_compat, DecayModel::half_life}) {
        const Decay decay = decay_scores({importance, age, half_life}, model).value();
        EXPECT_THAT(decay.score, ElementsAre(0.9, 0.9, 0.9, 0.0, 0.9));
        EXPECT_EQ(2, decay.future_count);
        EXPECT_EQ(1, decay.unknown_count);
    }
}

TEST(DecayScores, AreAtMostOne) {
    const Column importance{5.0, 5.0};
    const Column age{0.0, 100.0};
    const Column half_life{1.0, 1.0};
    const Decay decay = decay_scores({importance, age, half_life}, DecayModel::khala_compat).value();
    EXPECT_EQ(1.0, decay.score[0]);
    EXPECT_LT(decay.score[1], 1e-40);
}

TEST(DecayScores, RefuseBadColumnsByNameAndRow) {
    const Column good{0.5, 0.5};
    const auto error = [](const DecayColumns& columns) {
        const auto result = decay_scores(columns, DecayModel::khala_compat);
        return result.ok() ? "" : result.error().to_string();
    };
    EXPECT_EQ("", error({good, good, good}));
    EXPECT_EQ("", error({}));
    EXPECT_THAT(error({good, good, Column{1.0, 0.0}}),
                HasSubstr("half_life: row 1 is 0.000000; it must be finite and more than 0"));
    EXPECT_THAT(error({good, good, Column{kInfinity, 1.0}}), HasSubstr("half_life: row 0"));
    EXPECT_THAT(error({good, good, Column{1.0, kNan}}), HasSubstr("half_life: row 1"));
    EXPECT_THAT(error({Column{0.5, -0.1}, good, good}), HasSubstr("importance: row 1"));
    EXPECT_THAT(error({Column{kNan, 0.1}, good, good}), HasSubstr("importance: row 0"));
    EXPECT_THAT(error({good, Column{1.0}, good}), HasSubstr("age: 1 elements for 2 rows"));
    EXPECT_THAT(error({good, good, Column{1.0}}), HasSubstr("half_life: 1 elements for 2 rows"));
}

TEST(AccessedHalfLives, FollowKhalasFormula) {
    const Column base{0.5, 7.0, 90.0};
    const std::vector<std::int64_t> count{0, 1, 20};
    EXPECT_THAT(accessed_half_lives(base, count).value(),
                ElementsAre(0.5, 7.0 * (1.0 + std::log(2.0) * 0.5), 90.0 * (1.0 + std::log(21.0) * 0.5)));
    const std::vector<std::int64_t> negative{0, -1, 2};
    EXPECT_THAT(accessed_half_lives(base, negative).error().to_string(), HasSubstr("access_count: row 1 is -1"));
    EXPECT_FALSE(accessed_half_lives(Column{0.0, 1.0, 1.0}, count).ok());
    EXPECT_FALSE(accessed_half_lives(Column{1.0}, count).ok());
}

}  // namespace
}  // namespace khala::vec
