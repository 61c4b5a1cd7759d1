#include "engine/inbox.hpp"

#include <iterator>
#include <utility>

namespace khala::engine {

Result<std::shared_ptr<Inbox>> Inbox::create(InboxLimits limits) {
    KHALA_TRY_ASSIGN(base::EventFd ring, base::EventFd::create());
    return std::shared_ptr<Inbox>{new Inbox{std::move(ring), limits}};  // private constructor
}

template <typename Put>
Status Inbox::put(Put&& put_into, bool is_new) {
    bool rings = false;
    {
        const std::lock_guard lock{mutex_};
        if (closed_) {
            return *closed_;
        }
        if (is_new && ending_) {
            return *ending_;
        }
        put_into(waiting_);
        rings = sleeping_ && !rung_;
        rung_ = rung_ || rings;
    }
    if (rings) {
        ring_.notify();  // not under the lock: on one core the engine wakes at once, and would wait for it
    }
    return {};
}

Status Inbox::post(Insertion insertion) {
    const std::size_t jobs = insertion.jobs;
    const std::size_t bytes = insertion.bytes;
    if (full() && (jobs_ + jobs > 2 * limits_.jobs || bytes_ + bytes > 2 * limits_.bytes)) {
        return Error{ErrorCode::queue_full, "inbox",
                     "more than twice its limits (" + std::to_string(limits_.jobs) + " jobs, " +
                         std::to_string(limits_.bytes) + " bytes) wait for the store; wait for space first"};
    }
    return put(
        [&](Intake& waiting) {
            jobs_ += jobs;
            bytes_ += bytes;
            waiting.insertions.push_back(std::move(insertion));
        },
        true);
}

Status Inbox::post(std::vector<Settlement> settlements) {
    return put([&](Intake& waiting) {
        if (waiting.settlements.empty()) {
            waiting.settlements = std::move(settlements);
        } else {
            waiting.settlements.insert(waiting.settlements.end(), std::make_move_iterator(settlements.begin()),
                                       std::make_move_iterator(settlements.end()));
        }
    });
}

Status Inbox::post(Asked asked) {
    return put([&](Intake& waiting) { waiting.questions.push_back(std::move(asked)); }, true);
}

Status Inbox::post(Command command) {
    return put([&](Intake& waiting) { waiting.commands.push_back(std::move(command)); });
}

void Inbox::poke() {
    static_cast<void>(put([this](Intake&) { poked_ = true; }));
}

bool Inbox::full() const noexcept {
    return jobs_.load(std::memory_order_relaxed) >= limits_.jobs ||
           bytes_.load(std::memory_order_relaxed) >= limits_.bytes;
}

void Inbox::take(Intake& into) {
    const std::lock_guard lock{mutex_};
    std::swap(into, waiting_);
    if (rung_ && !heard_) {
        static_cast<void>(ring_.drain());
    }
    rung_ = false;
    heard_ = false;
    sleeping_ = false;
    poked_ = false;
}

void Inbox::forget(std::size_t jobs, std::size_t bytes) noexcept {
    jobs_ -= jobs;
    bytes_ -= bytes;
}

void Inbox::hear() {
    static_cast<void>(ring_.drain());
    heard_ = true;
}

bool Inbox::may_sleep() {
    const std::lock_guard lock{mutex_};
    sleeping_ = waiting_.empty() && !poked_;
    return sleeping_;
}

void Inbox::refuse_new(Error why) {
    const std::lock_guard lock{mutex_};
    ending_ = std::move(why);
}

void Inbox::close(Error why) {
    const std::lock_guard lock{mutex_};
    if (!closed_) {
        closed_ = std::move(why);
    }
}

}  // namespace khala::engine
