#include "base/time.hpp"

#include <ctime>
#include <fstream>

namespace khala::base {
namespace {

Millis read_clock(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);  // cannot fail for the two clocks used here on Linux >= 2.6.39
    return static_cast<Millis>(now.tv_sec) * kSecondMs + static_cast<Millis>(now.tv_nsec) / 1'000'000;
}

std::string read_boot_id() {
    std::ifstream file{"/proc/sys/kernel/random/boot_id"};
    std::string id;
    std::getline(file, id);
    if (!id.empty()) {
        return id;
    }
    // No /proc (a bare chroot): the moment of boot, to 10 s, tells boots apart well enough. Rounded, since it is the
    // difference of two readings and must come out the same in every process.
    const Millis booted_at = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
    return "boot-" + std::to_string(booted_at / (10 * kSecondMs));
}

}  // namespace

SystemClock::SystemClock() : boot_id_{read_boot_id()} {}

Millis SystemClock::wall_ms() const {
    return read_clock(CLOCK_REALTIME);
}

Millis SystemClock::lease_ms() const {
    return read_clock(CLOCK_BOOTTIME);
}

const SystemClock& SystemClock::instance() {
    static const SystemClock clock;
    return clock;
}

ManualClock::ManualClock(Millis wall_ms, Millis lease_ms, std::string boot_id)
    : wall_ms_{wall_ms}, lease_ms_{lease_ms}, boot_id_{std::move(boot_id)} {}

void ManualClock::advance(Millis step_ms) {
    wall_ms_.fetch_add(step_ms, std::memory_order_acq_rel);
    if (step_ms > 0) {
        lease_ms_.fetch_add(step_ms, std::memory_order_acq_rel);
    }
}

}  // namespace khala::base
