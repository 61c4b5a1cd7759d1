#include "vec/matrix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "vec/datasets.hpp"

namespace khala::vec {
namespace {

using base::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Rows;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Rows with_faults() {
    return {{1, 2, 0, 0, kNan, 1, kInfinity, 1, -kInfinity, kInfinity, kInfinity, kNan, -0.0F, 0, 3, 4}, 2};
}

TEST(CheckRows, NamesEveryRowThatCannotBeCompared) {
    const Rows rows = with_faults();
    const auto check = check_rows(rows.view(), "matrix", Faulty::report);
    ASSERT_TRUE(check.ok());
    EXPECT_THAT(check->faults, ElementsAre(RowFault{1, RowFaultKind::zero_norm}, RowFault{2, RowFaultKind::nan},
                                           RowFault{3, RowFaultKind::infinite}, RowFault{4, RowFaultKind::infinite},
                                           RowFault{5, RowFaultKind::nan}, RowFault{6, RowFaultKind::zero_norm}));
    EXPECT_EQ(0.0, check->norms[1]);
    EXPECT_EQ(5.0, check->norms[7]);
}

TEST(CheckRows, RefusesTheCallAndSaysWhichRows) {
    const Rows rows = with_faults();
    const auto check = check_rows(rows.view(), "matrix", Faulty::refuse);
    ASSERT_FALSE(check.ok());
    EXPECT_EQ(ErrorCode::invalid_argument, check.error().code);
    EXPECT_EQ("matrix", check.error().field);
    EXPECT_EQ(
        "6 of 8 rows cannot be compared: row 1 (zero_norm), row 2 (nan), row 3 (infinite), row 4 (infinite), "
        "row 5 (nan), ...",
        check.error().message);
}

TEST(CheckRows, AcceptsTheExtremesOfFloat32) {
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float huge = std::numeric_limits<float>::max();
    const Rows rows{{tiny, 0, huge, -huge}, 2};
    const auto check = check_rows(rows.view(), "matrix", Faulty::refuse);
    ASSERT_TRUE(check.ok());
    EXPECT_EQ(double{tiny}, check->norms[0]);
}

TEST(CheckShape, HasLimits) {
    const float value = 1;
    EXPECT_TRUE(check_shape({nullptr, 0, 0}, "matrix").ok());
    EXPECT_TRUE(check_shape({&value, 1, 1}, "matrix").ok());
    EXPECT_TRUE(check_shape({&value, 1, kDimMax}, "matrix").ok());
    const auto wide = check_shape({&value, 1, kDimMax + 1}, "queries");
    ASSERT_FALSE(wide.ok());
    EXPECT_EQ("queries", wide.error().field);
    EXPECT_THAT(wide.error().message, HasSubstr("65537 columns; the limits are 1 and 65536"));
    EXPECT_FALSE(check_shape({&value, 1, 0}, "matrix").ok());
    EXPECT_FALSE(check_shape({&value, kRowsMax + 1, 1}, "matrix").ok());
}

TEST(CheckGroups, WantsOneForEachRowOrNone) {
    const std::vector<std::int32_t> groups{1, 2, 3};
    EXPECT_TRUE(check_groups(groups, 3, "groups").ok());
    EXPECT_TRUE(check_groups({}, 3, "groups").ok());
    EXPECT_THAT(check_groups(groups, 4, "groups").error().message, HasSubstr("3 group numbers for 4 rows"));
}

}  // namespace
}  // namespace khala::vec
