#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace khala::base {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return Error{ErrorCode::invalid_argument, "number", "must be even"};
    }
    return number / 2;
}

Status require_even(int number) {
    KHALA_TRY(half(number));
    return {};
}

Result<int> quarter(int number) {
    KHALA_TRY_ASSIGN(const int once, half(number));
    KHALA_TRY_ASSIGN(const int twice, half(once));
    return twice;
}

TEST(Result, HoldsAValueOrAnError) {
    const auto good = half(4);
    ASSERT_TRUE(good.ok());
    EXPECT_EQ(*good, 2);

    const auto bad = half(3);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), (Error{ErrorCode::invalid_argument, "number", "must be even"}));
    EXPECT_EQ(half(3).value_or(7), 7);
    EXPECT_EQ(half(8).value_or(7), 4);
}

TEST(Result, MovesWhatCannotBeCopied) {
    Result<std::unique_ptr<int>> result{std::make_unique<int>(5)};
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(**result, 5);
    const std::unique_ptr<int> taken = *std::move(result);
    EXPECT_EQ(*taken, 5);
}

TEST(Result, ReachesMembersOfTheValue) {
    Result<std::string> result{std::string{"abc"}};
    EXPECT_EQ(result->size(), 3U);
    result->push_back('d');
    EXPECT_EQ(*result, "abcd");
}

TEST(Result, TryHandsTheErrorUp) {
    EXPECT_TRUE(require_even(2).ok());
    EXPECT_EQ(require_even(1).error().field, "number");
    EXPECT_EQ(*quarter(8), 2);
    EXPECT_EQ(quarter(6).error().code, ErrorCode::invalid_argument);
}

TEST(Status, IsGoodByDefault) {
    const Status good;
    EXPECT_TRUE(good.ok());
    const Status bad = Error{ErrorCode::io, "", "disk gone"};
    EXPECT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().to_string(), "io: disk gone");
    EXPECT_EQ((Error{ErrorCode::queue_full, "mail", "1000 is the limit"}.to_string()),
              "queue_full: mail: 1000 is the limit");
}

TEST(ErrorCode, EveryCodeHasItsOwnName) {
    std::set<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
        names.insert(name(static_cast<ErrorCode>(code)));
    }
    EXPECT_EQ(names.size(), 1U + static_cast<std::size_t>(ErrorCode::internal));
    EXPECT_FALSE(names.contains("unknown"));
}

TEST(ResultDeathTest, MisuseAbortsWithTheErrorsText) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(static_cast<void>(half(1).value()), "must be even");
    EXPECT_DEATH(static_cast<void>(half(2).error()), "good Result");
    EXPECT_DEATH(static_cast<void>(Status{}.error()), "good Status");
}

}  // namespace
}  // namespace khala::base
