#include "engine/delivery.hpp"

#include <thread>
#include <utility>

namespace khala::engine {

std::string_view name(StopReason reason) noexcept {
    switch (reason) {
        case StopReason::cancelled: return "cancelled";
        case StopReason::timeout: return "timeout";
        case StopReason::lease_lost: return "lease_lost";
        case StopReason::shutdown: return "shutdown";
    }
    return "unknown";
}

Delivery::Delivery(job::Lease lease, int slot, store::Store& store) noexcept
    : lease_{std::move(lease)}, slot_{slot}, store_{store} {}

bool Delivery::start() noexcept {
    State expected = State::handed_over;
    if (!state_.compare_exchange_strong(expected, State::starting, std::memory_order_acq_rel)) {
        return false;
    }
    started_ms_.store(store_.clock().lease_ms(), std::memory_order_relaxed);
    store_.mark_started(slot_, lease_.standing.token, lease_.standing.suspect);
    state_.store(State::started, std::memory_order_release);
    return true;
}

bool Delivery::revoke() noexcept {
    State expected = State::handed_over;
    if (state_.compare_exchange_strong(expected, State::revoked, std::memory_order_acq_rel)) {
        return true;
    }
    // `starting` lasts for one clock reading and one store to memory.
    while (state_.load(std::memory_order_acquire) == State::starting) {
        std::this_thread::yield();
    }
    return revoked();
}

void Delivery::ask_to_stop(StopReason reason) noexcept {
    int expected = kNotAsked;
    stop_asked_.compare_exchange_strong(expected, static_cast<int>(reason), std::memory_order_relaxed);
}

std::optional<StopReason> Delivery::stop_asked() const noexcept {
    const int asked = stop_asked_.load(std::memory_order_relaxed);
    return asked == kNotAsked ? std::nullopt : std::optional{static_cast<StopReason>(asked)};
}

}  // namespace khala::engine
