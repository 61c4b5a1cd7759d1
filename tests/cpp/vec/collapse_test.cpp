#include "vec/collapse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "vec/datasets.hpp"

namespace khala::vec {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Rows;

std::vector<double> norms_of(const Rows& rows) {
    return check_rows(rows.view(), "matrix", Faulty::report).value().norms;
}

RowHash all_equal(const float*, std::size_t) noexcept {
    return {};
}

std::vector<std::uint32_t> slow_representatives(const Rows& rows, const std::vector<std::int32_t>& groups) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t row = 0; row < rows.count(); ++row) {
        std::uint32_t first = 0;
        while (std::memcmp(rows.view().row(first), rows.view().row(row), rows.dim * sizeof(float)) != 0 ||
               (!groups.empty() && groups[first] != groups[row])) {
            ++first;
        }
        result.push_back(first);
    }
    return result;
}

TEST(Collapse, FindsTheFirstOfEveryCopyWithinItsGroup) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const Rows rows = testing::duplicate_rows(300, 5, 20, seed);
        const auto groups = testing::random_groups(300, 4, seed);
        const auto norms = norms_of(rows);
        EXPECT_EQ(slow_representatives(rows, {}), collapse(rows.view(), norms, {}).representative);
        EXPECT_EQ(slow_representatives(rows, groups), collapse(rows.view(), norms, groups).representative);
    }
}

TEST(Collapse, DoesNotTrustEqualHashes) {
    const Rows rows = testing::duplicate_rows(200, 3, 15, 1);
    const auto groups = testing::random_groups(200, 3, 1);
    const Collapsed expected = collapse(rows.view(), norms_of(rows), groups);
    const Collapsed collided = collapse(rows.view(), norms_of(rows), groups, all_equal);
    EXPECT_EQ(expected.representative, collided.representative);
    EXPECT_EQ(expected.rows, collided.rows);
}

// Only rows of one length are ever hashed: here all are.
TEST(Collapse, TellsRowsOfOneLengthApart) {
    testing::Random random{5};
    Rows rows{{}, 7};
    for (int value = 0; value < 7 * 400; ++value) {
        rows.data.push_back(random() % 2 == 0 ? 1.0F : -1.0F);
    }
    const auto groups = testing::random_groups(400, 2, 1);
    for (const auto hash : {hash_row, all_equal}) {
        EXPECT_EQ(slow_representatives(rows, {}), collapse(rows.view(), norms_of(rows), {}, hash).representative);
        EXPECT_EQ(slow_representatives(rows, groups),
                  collapse(rows.view(), norms_of(rows), groups, hash, 2).representative);
    }
}

TEST(Collapse, TellsBytesFromValues) {
    const Rows rows{{0.0F, 1.0F, -0.0F, 1.0F, 0.0F, 1.0F}, 2};
    EXPECT_THAT(collapse(rows.view(), norms_of(rows), {}).representative, ElementsAre(0, 1, 0));
}

TEST(Collapse, LaysRowsOutByGroupAndLeavesOutWhatCannotBeCompared) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Rows rows{{1, 2, nan, 1, 3, 0, 2, 1}, 1};
    const std::vector<std::int32_t> groups{7, -1, -1, 7, -1, -1, 9, 7};
    const Collapsed collapsed = collapse(rows.view(), norms_of(rows), groups);
    EXPECT_THAT(collapsed.rows, ElementsAre(1, 4, 0, 6));
    EXPECT_THAT(collapsed.groups, ElementsAre(-1, 7, 9));
    EXPECT_THAT(collapsed.starts, ElementsAre(0, 2, 3, 4));
    EXPECT_THAT(collapsed.representative, ElementsAre(0, 1, 2, 0, 4, 5, 6, 0));
}

TEST(Collapse, TwoRowsOfZerosOrNanAreNotCopies) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Rows rows{{0, 0, nan, nan}, 1};
    EXPECT_THAT(collapse(rows.view(), norms_of(rows), {}).representative, ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(collapse(rows.view(), norms_of(rows), {}).rows, IsEmpty());
}

TEST(GroupRows, KeepsCopies) {
    const Rows rows{{1, 1, 2, 0}, 1};
    const std::vector<std::int32_t> groups{2, 1, 2, 1};
    const Collapsed layout = group_rows(norms_of(rows), groups);
    EXPECT_THAT(layout.rows, ElementsAre(1, 0, 2));
    EXPECT_THAT(layout.starts, ElementsAre(0, 1, 3));
}

TEST(GroupRows, OfNothingIsNothing) {
    const Collapsed layout = group_rows({}, {});
    EXPECT_THAT(layout.rows, IsEmpty());
    EXPECT_THAT(layout.starts, ElementsAre(0));
}

}  // namespace
}  // namespace khala::vec
