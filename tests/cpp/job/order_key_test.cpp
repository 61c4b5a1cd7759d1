#include "job/order_key.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace khala::job {
namespace {

constexpr std::int64_t kLastSequence = (std::int64_t{1} << kSequenceBits) - 1;

TEST(StrictOrderKey, LargerPriorityIsSoonerWhateverTheSequence) {
    for (int priority = 0; priority < kPriorityMax; ++priority) {
        EXPECT_LT(strict_order_key(priority + 1, kLastSequence), strict_order_key(priority, 0)) << priority;
    }
}

TEST(StrictOrderKey, EqualPrioritiesAreFirstInFirstOut) {
    EXPECT_LT(strict_order_key(5, 1), strict_order_key(5, 2));
    EXPECT_LT(strict_order_key(0, kLastSequence - 1), strict_order_key(0, kLastSequence));
}

// A double has 53 bits; the largest keys must survive a round trip through one.
TEST(StrictOrderKey, StaysBelowTwoTo53) {
    for (const int priority : {0, 1, 5, 10, 254, 255}) {
        for (const std::int64_t sequence : {std::int64_t{0}, std::int64_t{1}, kLastSequence}) {
            const std::int64_t key = strict_order_key(priority, sequence);
            EXPECT_GE(key, 0);
            EXPECT_LT(key, kOrderKeyLimit);
            EXPECT_EQ(static_cast<std::int64_t>(static_cast<double>(key)), key);
        }
    }
}

TEST(StrictOrderKey, RandomPairsCompareLikePriorityThenSequence) {
    Rng rng{7};
    for (int i = 0; i < 100'000; ++i) {
        const int p1 = static_cast<int>(rng.below(256));
        const int p2 = static_cast<int>(rng.below(256));
        const auto s1 = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(kLastSequence) + 1));
        const auto s2 = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(kLastSequence) + 1));
        const bool first_is_sooner = p1 != p2 ? p1 > p2 : s1 < s2;
        ASSERT_EQ(strict_order_key(p1, s1) < strict_order_key(p2, s2), first_is_sooner)
            << p1 << " " << s1 << " / " << p2 << " " << s2;
    }
}

TEST(AgeingOrderKey, OneLevelIsWorthOneAgeingPeriod) {
    constexpr Millis kNow = 1'767'225'600'000;
    EXPECT_LT(ageing_order_key(6, kNow, 60'000), ageing_order_key(5, kNow, 60'000));
    EXPECT_EQ(ageing_order_key(6, kNow + 60'000, 60'000), ageing_order_key(5, kNow, 60'000));
    EXPECT_GT(ageing_order_key(6, kNow + 60'001, 60'000), ageing_order_key(5, kNow, 60'000));
}

TEST(AgeingOrderKey, TheSlowestAgeingInTheYear9999StaysBelowTwoTo53) {
    EXPECT_LT(ageing_order_key(0, 253'402'300'799'999, kAgeingMaxMs), kOrderKeyLimit);
    EXPECT_GE(ageing_order_key(255, 0, 1), 0);
}

}  // namespace
}  // namespace khala::job
