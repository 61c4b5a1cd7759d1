// How an engine is to behave. Fixed while it runs.
#pragma once

#include <cstddef>

#include "base/limits.hpp"
#include "base/time.hpp"
#include "engine/inbox.hpp"
#include "job/lifecycle.hpp"

namespace khala::engine {

struct EngineOptions {
    Millis lease_ms = 15'000;  // renewed every third of it
    int max_crashes = job::Limits{}.max_crashes;
    InboxLimits inbox;
    std::size_t result_bytes = kResultBytes;
    int supervised_fd = -1;  // where stuck handlers are reported, one JSON line each; not owned
    bool real_time = true;   // false: the store's clock is moved by hand, and poke() tells that it was

    [[nodiscard]] Millis renew_ms() const noexcept { return lease_ms / 3; }
};

inline constexpr Millis kLeaseMinMs = 300;
inline constexpr Millis kLeaseMaxMs = base::kHourMs;
inline constexpr Millis kStuckMs = 2'000;  // a handler may outlive its hard timeout by this before it is reported

}  // namespace khala::engine
