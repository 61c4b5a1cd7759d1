#include "job/state.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace khala::job {
namespace {

// Part of schema 1: changing a line here means that existing databases are read wrongly.
TEST(State, NumbersAreThoseOnDisk) {
    EXPECT_EQ(static_cast<int>(State::scheduled), 0);
    EXPECT_EQ(static_cast<int>(State::ready), 1);
    EXPECT_EQ(static_cast<int>(State::running), 2);
    EXPECT_EQ(static_cast<int>(State::blocked), 3);
    EXPECT_EQ(static_cast<int>(State::parked), 4);
    EXPECT_EQ(static_cast<int>(State::completed), 5);
    EXPECT_EQ(static_cast<int>(State::failed), 6);
    EXPECT_EQ(static_cast<int>(State::cancelled), 7);
    EXPECT_EQ(static_cast<int>(State::expired), 8);
    EXPECT_EQ(static_cast<int>(State::quarantined), 9);
}

TEST(State, NamesAndNumbersGoBothWays) {
    std::set<std::string_view> names;
    for (std::int64_t number = 0; number < static_cast<std::int64_t>(kStateCount); ++number) {
        const auto state = state_from(number);
        ASSERT_TRUE(state.has_value());
        EXPECT_EQ(state_from(name(*state)), state);
        names.insert(name(*state));
    }
    EXPECT_EQ(names.size(), kStateCount);
}

TEST(State, UnknownNamesAndNumbersAreRefused) {
    EXPECT_EQ(state_from(std::string_view{"done"}), std::nullopt);
    EXPECT_EQ(state_from(std::string_view{""}), std::nullopt);
    EXPECT_EQ(state_from(std::string_view{"Ready"}), std::nullopt);
    EXPECT_EQ(state_from(std::int64_t{-1}), std::nullopt);
    EXPECT_EQ(state_from(std::int64_t{10}), std::nullopt);
    EXPECT_EQ(state_from(std::int64_t{1} << 40), std::nullopt);
}

TEST(State, ClosedIsFiveAndUp) {
    for (std::int64_t number = 0; number < static_cast<std::int64_t>(kStateCount); ++number) {
        EXPECT_EQ(is_closed(*state_from(number)), number >= 5) << number;
    }
}

}  // namespace
}  // namespace khala::job
