// A lease on its way to its handler, shared by the engine's thread and the thread that runs the handler.
//
// Between being handed over and being started a lease may be taken back by the engine (worker stopped, job cancelled,
// lease lost). start() and revoke() race for it and exactly one wins, so a job that was given back is never run and a
// job that runs is never given back as "not started".
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"
#include "job/job.hpp"
#include "store/store.hpp"

namespace khala::engine {

// Why a running handler should end.
enum class StopReason : std::uint8_t { cancelled, timeout, lease_lost, shutdown };
[[nodiscard]] std::string_view name(StopReason reason) noexcept;

class Delivery {
public:
    // `store` gets the liveness mark. It must live until the delivery was started or revoked, and does: the engine
    // lets no delivery go that is neither.
    Delivery(job::Lease lease, int slot, store::Store& store) noexcept;
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    ~Delivery() = default;

    [[nodiscard]] const job::Lease& lease() const noexcept { return lease_; }
    [[nodiscard]] int slot() const noexcept { return slot_; }

    // By the thread that is about to enter the handler. True once; false when the lease was taken back.
    [[nodiscard]] bool start() noexcept;

    // By the engine. True when the handler was not entered and now never will be.
    [[nodiscard]] bool revoke() noexcept;

    [[nodiscard]] bool started() const noexcept { return state_.load(std::memory_order_acquire) == State::started; }
    [[nodiscard]] bool revoked() const noexcept { return state_.load(std::memory_order_acquire) == State::revoked; }

    // When it was started, on the lease clock. Only after started().
    [[nodiscard]] Millis started_ms() const noexcept { return started_ms_.load(std::memory_order_relaxed); }

    // For native handlers, which look at it while they run. The first reason stays.
    void ask_to_stop(StopReason reason) noexcept;
    [[nodiscard]] std::optional<StopReason> stop_asked() const noexcept;

private:
    enum class State : std::uint8_t { handed_over, starting, started, revoked };
    static constexpr int kNotAsked = -1;

    const job::Lease lease_;
    const int slot_;
    store::Store& store_;
    std::atomic<State> state_{State::handed_over};
    std::atomic<Millis> started_ms_{0};
    std::atomic<int> stop_asked_{kNotAsked};
};

}  // namespace khala::engine
