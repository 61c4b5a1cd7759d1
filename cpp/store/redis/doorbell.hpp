// Wake-up by push: the store's own channel and, while somebody waits for jobs to close, the channel of all closings.
// Who rings, and when, is written in lua/signals.lua. The connection is made when it is first needed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/redis/listener.hpp"
#include "store/redis/options.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

class Doorbell final : public Wakeup {
public:
    // `number` is part of the channel's name.
    Doorbell(const RedisOptions& options, std::int64_t number);

    [[nodiscard]] int fd() const noexcept override { return listener_ ? listener_->fd() : -1; }
    void arm(bool jobs, bool closings) noexcept override;
    [[nodiscard]] Heard drain() noexcept override;

    // For a store that claims: from now on it can be rung.
    void listen() noexcept;
    // Whether the next claim should ask to be rung.
    [[nodiscard]] bool wants_jobs() const noexcept { return wants_jobs_; }
    // Whether the server may have it that we wait for jobs.
    [[nodiscard]] bool waits() const noexcept { return waits_; }
    void set_waits(bool waits) noexcept { waits_ = waits; }

private:
    void hear(const Message& message, Heard& heard) const;

    RedisOptions options_;
    std::string own_;
    std::string news_;
    std::unique_ptr<Listener> listener_;  // none where it cannot be made: then there are only the looks
    bool wants_jobs_ = false;
    bool wants_closings_ = false;
    bool waits_ = false;
};

}  // namespace khala::store::redis
