// The worker's deadlines: a soft one asks the handler to end, a hard one ends the attempt, and a handler that is still
// there some time later is reported.
#include <unistd.h>

#include "engine/failure.hpp"
#include "engine/worker.hpp"

namespace khala::engine {

void Worker::set_deadline(int index, Millis from) {
    Slot& slot = at(index);
    const store::NewJob& job = slot.delivery->lease().job;
    if (slot.next == Next::nothing && job.soft_timeout_ms > 0) {
        slot.next = Next::soft;
    } else if (slot.next == Next::nothing && job.hard_timeout_ms > 0) {
        slot.next = Next::hard;
    }
    if (slot.next != Next::nothing) {
        const Millis limit = slot.next == Next::soft ? job.soft_timeout_ms : job.hard_timeout_ms;
        deadlines_.set(static_cast<std::size_t>(index), from + limit);
    }
}

void Worker::expire(Millis now, std::vector<PendingMove>& moves) {
    for (const std::size_t index : deadlines_.take_due(now)) {
        on_deadline(static_cast<int>(index), now, moves);
    }
}

void Worker::on_deadline(int index, Millis now, std::vector<PendingMove>& moves) {
    Slot& slot = at(index);
    if (slot.next == Next::stuck) {
        report_stuck(index);
        return;
    }
    // The deadline was set when the lease was handed over; the handler's own time begins when it is entered.
    const store::NewJob& job = slot.delivery->lease().job;
    const Millis from = slot.delivery->started() ? slot.delivery->started_ms() : now;
    const Millis limit = slot.next == Next::soft ? job.soft_timeout_ms : job.hard_timeout_ms;
    if (from + limit > now) {
        set_deadline(index, from);
        return;
    }
    if (slot.next == Next::hard) {
        time_out(index, now, moves);
        return;
    }
    stop_handler(index, StopReason::timeout);
    slot.next = Next::nothing;
    if (job.hard_timeout_ms > 0) {
        slot.next = Next::hard;
        set_deadline(index, from);
    }
}

// The attempt is over, whatever its handler does: the job is settled, the slot waits for the handler.
void Worker::time_out(int index, Millis now, std::vector<PendingMove>& moves) {
    Slot& slot = at(index);
    PendingMove pending = decide(*slot.delivery, &slot, timeout_failure(slot.delivery->lease().job.hard_timeout_ms));
    pending.delivery = slot.delivery;
    moves.push_back(std::move(pending));
    ++stats_.timeouts;
    --leased_;
    slot.phase = Phase::abandoned;
    slot.next = Next::stuck;
    deadlines_.set(static_cast<std::size_t>(index), now + kStuckMs);
    if (slot.native) {
        slot.delivery->ask_to_stop(StopReason::timeout);
    } else {
        outbox_.add(port_, Abandon{index});
    }
}

void Worker::report_stuck(int index) {
    const store::Lease& lease = at(index).delivery->lease();
    at(index).next = Next::nothing;
    ++stats_.stuck;
    if (options_.supervised_fd >= 0) {
        const std::string line = stuck_line(lease, index);
        // A supervisor that does not read must not hold up the engine: the pipe is nonblocking or has room for a line.
        static_cast<void>(::write(options_.supervised_fd, line.data(), line.size()));
    }
}

}  // namespace khala::engine
