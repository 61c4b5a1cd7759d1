#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <unordered_set>

#include "base/id.hpp"
#include "base/rng.hpp"

namespace khala::base {
namespace {

TEST(Rng, SameSeedSameNumbers) {
    Rng first{42};
    Rng second{42};
    Rng other{43};
    bool differs = false;
    for (int draw = 0; draw < 100; ++draw) {
        const auto number = first();
        ASSERT_EQ(number, second());
        differs = differs || number != other();
    }
    EXPECT_TRUE(differs);
}

// The published reference values of splitmix64(1234567) start with 6457827717110365317; as the first state word of
// xoshiro256** seeded with it, a change of either algorithm shows here.
TEST(Rng, IsStableAcrossVersions) {
    Rng rng{1234567};
    const std::array<std::uint64_t, 2> drawn{rng(), rng()};
    constexpr std::uint64_t kSecondWord = 3203168211198807973U;  // splitmix64's second value
    EXPECT_EQ(drawn[0], std::rotl(kSecondWord * 5, 7) * 9);
}

TEST(Rng, UniformCoversTheUnitIntervalEvenly) {
    Rng rng{7};
    std::array<int, 10> bins{};
    constexpr int kDraws = 100'000;
    for (int draw = 0; draw < kDraws; ++draw) {
        const double number = rng.uniform();
        ASSERT_GE(number, 0.0);
        ASSERT_LT(number, 1.0);
        ++bins.at(static_cast<std::size_t>(number * 10));
    }
    for (const int count : bins) {
        EXPECT_NEAR(count, kDraws / 10, 500);  // five standard deviations; the seed is fixed
    }
}

TEST(Rng, BelowStaysBelow) {
    Rng rng{9};
    EXPECT_EQ(rng.below(0), 0U);
    EXPECT_EQ(rng.below(1), 0U);
    std::array<int, 3> counts{};
    for (int draw = 0; draw < 3'000; ++draw) {
        ++counts.at(rng.below(3));
    }
    EXPECT_TRUE(std::ranges::all_of(counts, [](int count) { return count > 800; }));
}

TEST(Rng, EntropyGivesDifferentSeeds) {
    EXPECT_NE(Rng::from_entropy()(), Rng::from_entropy()());
}

TEST(Uuid7, HasTheFormOfTheRfc) {
    Rng rng{1};
    const std::string id = uuid7(0x0123456789ab, rng);
    ASSERT_EQ(id.size(), 36U);
    EXPECT_EQ(id.substr(0, 15), "01234567-89ab-7");
    EXPECT_EQ(id[18], '-');
    EXPECT_NE(std::string{"89ab"}.find(id[19]), std::string::npos);
    EXPECT_EQ(id[23], '-');
    for (const char character : id) {
        EXPECT_TRUE(character == '-' || (character >= '0' && character <= '9') ||
                    (character >= 'a' && character <= 'f'));
    }
}

TEST(Uuid7, IsDifferentWithinOneMillisecond) {
    Rng rng{1};
    std::unordered_set<std::string> ids;
    for (int made = 0; made < 100'000; ++made) {
        ids.insert(uuid7(1'000, rng));
    }
    EXPECT_EQ(ids.size(), 100'000U);
}

TEST(Uuid7, SortsByTime) {
    Rng rng{1};
    EXPECT_LT(uuid7(1'000, rng), uuid7(1'001, rng));
    EXPECT_LT(uuid7(255, rng), uuid7(256, rng));
}

}  // namespace
}  // namespace khala::base
