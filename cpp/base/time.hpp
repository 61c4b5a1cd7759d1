// Time, as integers of milliseconds and behind an interface.
//
// Two clocks, never mixed:
//   wall_ms   UTC since 1970. What users say and see (scheduled at, created at). May jump, forwards and backwards.
//   lease_ms  CLOCK_BOOTTIME: monotonic, counts suspend, the same for every process of this boot. Leases are measured
//             with it, so a corrected wall clock neither ends nor extends one. Meaningless after a reboot, hence
//             boot_id.
//
// Only stores and the engine read a clock; everything below gets `now` as an argument.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace khala::base {

using Millis = std::int64_t;

inline constexpr Millis kSecondMs = 1'000;
inline constexpr Millis kMinuteMs = 60 * kSecondMs;
inline constexpr Millis kHourMs = 60 * kMinuteMs;
inline constexpr Millis kDayMs = 24 * kHourMs;

// Implementations are safe to call from any thread.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    [[nodiscard]] virtual Millis wall_ms() const = 0;
    [[nodiscard]] virtual Millis lease_ms() const = 0;

    // Names this boot of this machine; lease_ms of two boots must not be compared. Valid as long as the clock.
    [[nodiscard]] virtual std::string_view boot_id() const = 0;
};

class SystemClock final : public Clock {
public:
    SystemClock();

    [[nodiscard]] Millis wall_ms() const override;
    [[nodiscard]] Millis lease_ms() const override;
    [[nodiscard]] std::string_view boot_id() const override { return boot_id_; }

    // One for the process, for whoever has no reason to own another.
    static const SystemClock& instance();

private:
    std::string boot_id_;
};

// A clock that stands still until told otherwise. For tests and for `khala_jobs.testing`.
class ManualClock final : public Clock {
public:
    // 2026-01-01T00:00:00Z, so that test output reads like dates.
    static constexpr Millis kDefaultWallMs = 1'767'225'600'000;

    explicit ManualClock(Millis wall_ms = kDefaultWallMs, Millis lease_ms = kHourMs, std::string boot_id = "manual");

    [[nodiscard]] Millis wall_ms() const override { return wall_ms_.load(std::memory_order_acquire); }
    [[nodiscard]] Millis lease_ms() const override { return lease_ms_.load(std::memory_order_acquire); }
    [[nodiscard]] std::string_view boot_id() const override { return boot_id_; }

    // Both clocks forward, as time does. Negative steps are ignored for lease_ms: it never runs backwards.
    void advance(Millis step_ms);
    // A correction of the wall clock alone.
    void set_wall_ms(Millis wall_ms) { wall_ms_.store(wall_ms, std::memory_order_release); }

private:
    std::atomic<Millis> wall_ms_;
    std::atomic<Millis> lease_ms_;
    std::string boot_id_;
};

}  // namespace khala::base

namespace khala {
using base::Clock;
using base::Millis;
using base::SystemClock;
}  // namespace khala
