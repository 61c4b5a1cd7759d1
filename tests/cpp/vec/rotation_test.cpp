#include "vec/rotation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "vec/datasets.hpp"
#include "vec/join.hpp"

namespace khala::vec {
namespace {

using ::testing::HasSubstr;
using testing::Rows;

std::vector<float> directions_of(const Rotation& rotation) {
    return {rotation.basis.begin(),
            rotation.basis.begin() + static_cast<std::ptrdiff_t>(rotation.width * rotation.dim)};
}

std::vector<float> centre_of(const Rotation& rotation) {
    return {rotation.centre(), rotation.centre() + rotation.dim};
}

TEST(Rotation, IsOrthonormalForRowsOfEveryKind) {
    for (const Rows& rows : {testing::random_rows(300, 40, 1), testing::cone_rows(200, 150, 2),
                             testing::duplicate_rows(300, 24, 1, 3), testing::random_rows(1, 7, 4)}) {
        const Rotation rotation = fit_rotation(rows.view(), 0, Isa::automatic).value();
        EXPECT_EQ(usual_width(rows.dim), rotation.width);
        EXPECT_LT(rotation.deviation, 1e-4);
    }
}

TEST(Rotation, LeadingDirectionsHoldMostOfTheDifferences) {
    Rows rows = testing::random_rows(400, 64, 5);
    for (std::size_t row = 0; row < rows.count(); ++row) {
        for (std::size_t k = 20; k < 64; ++k) {
            rows.data[row * 64 + k] *= 0.01F;
        }
    }
    const Rotation rotation = fit_rotation(rows.view(), 24, Isa::automatic).value();
    double inside = 0;
    for (std::size_t direction = 0; direction < 16; ++direction) {
        for (std::size_t k = 0; k < 20; ++k) {
            inside += std::pow(static_cast<double>(rotation.basis[direction * 64 + k]), 2);
        }
    }
    EXPECT_GT(inside, 15.9);
}

TEST(Rotation, MadeFromItsPartsIsTheSame) {
    const Rows rows = testing::cone_rows(200, 50, 2);
    const Rotation fitted = fit_rotation(rows.view(), 0, Isa::automatic).value();
    const Rotation made = make_rotation(50, directions_of(fitted), centre_of(fitted)).value();
    EXPECT_EQ(fitted.basis, made.basis);
    EXPECT_EQ(fitted.width, made.width);
    EXPECT_EQ(fitted.deviation, made.deviation);
}

TEST(Rotation, PartsThatDoNotFitAreRefused) {
    const Rows rows = testing::cone_rows(200, 50, 2);
    const Rotation fitted = fit_rotation(rows.view(), 8, Isa::automatic).value();
    const auto refusal = [&](std::vector<float> directions, std::vector<float> centre) {
        const auto made = make_rotation(50, directions, centre);
        return made.ok() ? "accepted" : made.error().field + ": " + made.error().message;
    };
    const auto directions = directions_of(fitted);
    const auto centre = centre_of(fitted);
    EXPECT_EQ("accepted", refusal(directions, centre));
    EXPECT_THAT(refusal({directions.begin(), directions.end() - 1}, centre), HasSubstr("rotation: 399 elements"));
    EXPECT_THAT(refusal(directions, {1.0F}), HasSubstr("1 of a centre"));
    EXPECT_THAT(refusal({}, centre), HasSubstr("0 elements"));
    auto damaged = directions;
    damaged[7] += 0.01F;
    EXPECT_THAT(refusal(damaged, centre), HasSubstr("not orthonormal"));
    damaged[7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(refusal(damaged, centre), HasSubstr("not all elements are finite"));
    EXPECT_THAT(refusal(directions, std::vector<float>(50, 1.0F)), HasSubstr("longer than 1"));
    EXPECT_EQ("matrix", fit_rotation(MatrixView{nullptr, 0, 4}, 0, Isa::automatic).error().field);
}

// A rotation made for other rows costs time, never pairs.
TEST(Rotation, OfOtherRowsChangesNoAnswer) {
    const Rows rows = testing::clustered_rows(600, 64, 30, 0.3F, 2);
    const Rotation other = fit_rotation(testing::cone_rows(300, 64, 9).view(), 32, Isa::automatic).value();
    const JoinOptions options{.threshold = 0.9, .plan = {.method = Method::codes, .rotation = &other}};
    const Join join = self_join(rows.view(), options).value();
    EXPECT_EQ(testing::brute_force(rows, 0.9), testing::triples(join.pairs));
    EXPECT_EQ("rotation", self_join(testing::random_rows(5, 3, 1).view(), options).error().field);
}

}  // namespace
}  // namespace khala::vec
