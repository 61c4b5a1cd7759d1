#include "base/time.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace khala::base {
namespace {

TEST(SystemClock, WallIsUtcMilliseconds) {
    const auto before =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const Millis now = SystemClock::instance().wall_ms();
    const auto after =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    EXPECT_GE(now, before.count() - 1);  // two reads of one clock, each cut to its own millisecond
    EXPECT_LE(now, after.count());
}

TEST(SystemClock, LeaseClockNeverRunsBackwards) {
    const SystemClock clock;
    Millis last = clock.lease_ms();
    for (int reading = 0; reading < 1'000; ++reading) {
        const Millis now = clock.lease_ms();
        ASSERT_GE(now, last);
        last = now;
    }
    EXPECT_GT(last, 0);
}

TEST(SystemClock, BootIdIsTheSameForEveryone) {
    EXPECT_FALSE(SystemClock::instance().boot_id().empty());
    EXPECT_EQ(SystemClock{}.boot_id(), SystemClock::instance().boot_id());
}

TEST(ManualClock, MovesOnlyWhenTold) {
    ManualClock clock{1'000, 50, "boot-a"};
    EXPECT_EQ(clock.wall_ms(), 1'000);
    EXPECT_EQ(clock.lease_ms(), 50);
    EXPECT_EQ(clock.boot_id(), "boot-a");

    clock.advance(5);
    EXPECT_EQ(clock.wall_ms(), 1'005);
    EXPECT_EQ(clock.lease_ms(), 55);
}

TEST(ManualClock, WallCorrectionsLeaveLeasesAlone) {
    ManualClock clock{1'000, 50};
    clock.set_wall_ms(10);
    EXPECT_EQ(clock.lease_ms(), 50);
    clock.advance(-5);
    EXPECT_EQ(clock.wall_ms(), 5);
    EXPECT_EQ(clock.lease_ms(), 50);
}

}  // namespace
}  // namespace khala::base
