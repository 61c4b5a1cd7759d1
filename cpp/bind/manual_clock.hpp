// The clock of khala_jobs.testing: shared by a test and the engines it opened, which look again when it is moved.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/time.hpp"
#include "engine/engine.hpp"

namespace khala::bind {

class ManualClock {
public:
    explicit ManualClock(Millis wall_ms) : clock_{std::make_shared<base::ManualClock>(wall_ms)} {}

    [[nodiscard]] const std::shared_ptr<base::ManualClock>& clock() const noexcept { return clock_; }

    void attach(const std::shared_ptr<engine::Engine>& engine) {
        const std::lock_guard lock{mutex_};
        engines_.push_back(engine);
    }

    void advance(Millis step_ms) {
        clock_->advance(step_ms);
        const std::lock_guard lock{mutex_};
        for (const auto& weak : engines_) {
            if (const auto engine = weak.lock()) {
                engine->inbox().poke();
            }
        }
    }

private:
    const std::shared_ptr<base::ManualClock> clock_;
    std::mutex mutex_;
    std::vector<std::weak_ptr<engine::Engine>> engines_;  // guarded by mutex_
};

}  // namespace khala::bind
