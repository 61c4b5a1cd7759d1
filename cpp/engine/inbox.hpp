// The way in: everything that callers hand to the engine's thread, taken by it all at once.
//
// Taking everything is the batching: what arrives while one transaction runs forms the next. New jobs are bounded by
// count and bytes until they are in the store; a caller that finds the inbox full waits for space (AwaitSpace). What
// is already running is never refused: settlements and commands are bounded by the slots.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/eventfd.hpp"
#include "base/result.hpp"
#include "engine/delivery.hpp"
#include "engine/port.hpp"
#include "engine/question.hpp"
#include "job/move.hpp"
#include "store/store.hpp"

namespace khala::engine {

// Where a reply goes.
struct Address {
    std::shared_ptr<Port> port;
    Ticket ticket = 0;
};

struct Insertion {  // one caller's jobs, all or none
    Address from;
    store::InsertGroup group;
    std::size_t jobs = 0;   // of the group, as it came
    std::size_t bytes = 0;  // of their payloads
};
struct Settlement {  // how a run ended
    std::shared_ptr<Delivery> delivery;
    job::Outcome outcome;
    Millis cpu_ms = 0;
};
struct Asked {
    Address from;
    Question question;
};

// What a process wants to run.
struct WorkerSpec {
    std::string id;
    std::vector<store::QueueDemand> queues;  // limit: of this worker for this queue
    std::vector<std::string> tasks;          // native ones among them are run by the native pool
    int slots = 0;
    store::Suspects suspects = store::Suspects::at_most_one;
    std::string version;
};

struct StartWorker {  // its leases go to the port; also begins again after StopWorker or PortClosed
    Address from;
    WorkerSpec spec;
};
struct StopWorker {  // no more claims; what was not started is taken back
    Address from;    // port may be null
};
struct SetWork {  // what the worker serves from now on; what it runs is not touched
    std::vector<store::QueueDemand> queues;
    std::vector<std::string> tasks;
};
struct PauseClaims {
    bool paused = true;
};
struct Reclaimed {  // the handler of an abandoned slot has ended after all
    int slot = 0;
};
struct NoteProgress {
    std::shared_ptr<Delivery> delivery;
    store::Progress progress;
};
struct Watch {  // one reply for each id, when that job has closed
    Address from;
    std::vector<std::string> ids;
};
struct Unwatch {
    Address from;  // of the Watch
};
struct AwaitSpace {
    Address from;
};
struct PortClosed {
    std::shared_ptr<Port> port;
};
struct Close {
    Millis deadline_ms = 0;  // from now
};
using Command = std::variant<StartWorker, StopWorker, SetWork, PauseClaims, Reclaimed, NoteProgress, Watch, Unwatch,
                             AwaitSpace, PortClosed, Close>;

// Everything that waited, in the order in which the engine looks at it.
struct Intake {
    std::vector<Settlement> settlements;
    std::vector<Command> commands;
    std::vector<Insertion> insertions;
    std::vector<Asked> questions;

    [[nodiscard]] bool empty() const noexcept {
        return settlements.empty() && commands.empty() && insertions.empty() && questions.empty();
    }
};

struct InboxLimits {
    std::size_t jobs = 20'000;
    std::size_t bytes = 64U << 20U;
};

// Thread-safe; one consumer. Shared (shared_ptr) by the engine's face, its thread and its native pool, which end in any
// order.
class Inbox {
public:
    [[nodiscard]] static Result<std::shared_ptr<Inbox>> create(InboxLimits limits);

    // Each answers the error the inbox was closed with, and takes nothing then. An insertion is taken while the inbox
    // is not full() and may overshoot; beyond twice the limits it is queue_full.
    [[nodiscard]] Status post(Insertion insertion);
    [[nodiscard]] Status post(std::vector<Settlement> settlements);
    [[nodiscard]] Status post(Asked asked);
    [[nodiscard]] Status post(Command command);
    void poke();  // makes the engine look at its clock

    [[nodiscard]] bool full() const noexcept;
    [[nodiscard]] std::size_t depth() const noexcept { return jobs_.load(std::memory_order_relaxed); }

    // --- by the engine's thread ---
    // Swaps what waits with `into`, whose vectors must be empty (their capacity is used again).
    void take(Intake& into);
    // New jobs have been answered: they no longer count.
    void forget(std::size_t jobs, std::size_t bytes) noexcept;
    // True when nothing waits; from then until take(), a post makes fd() readable.
    [[nodiscard]] bool may_sleep();
    [[nodiscard]] int fd() const noexcept { return ring_.fd(); }
    // fd() was readable. It may be so once more after a take(), for something that was taken already.
    void hear();
    // Refuses new jobs and questions from now on, with this error: who keeps asking cannot keep the engine from ending.
    void refuse_new(Error why);
    // Refuses everything from now on, with this error. The first one counts.
    void close(Error why);

private:
    Inbox(base::EventFd ring, InboxLimits limits) noexcept : ring_{std::move(ring)}, limits_{limits} {}

    template <typename Put>
    Status put(Put&& put_into, bool is_new = false);

    const base::EventFd ring_;
    const InboxLimits limits_;
    bool heard_ = false;  // by the engine's thread alone
    std::mutex mutex_;
    // Guarded by mutex_.
    Intake waiting_;
    std::optional<Error> closed_;
    std::optional<Error> ending_;  // refuses what is new
    bool sleeping_ = false;
    bool rung_ = false;
    bool poked_ = false;

    std::atomic<std::size_t> jobs_{0};
    std::atomic<std::size_t> bytes_{0};
};

}  // namespace khala::engine
