#include "engine/loop.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iterator>
#include <utility>

#include "base/failpoint.hpp"

namespace khala::engine {

namespace {

constexpr Millis kNativePatienceMs = 1'000;  // for the threads of native handlers to end

Error closed() {
    return {ErrorCode::closed, "engine", "the engine was closed"};
}

}  // namespace

Loop::Loop(std::unique_ptr<store::Store> store, const EngineOptions& options, std::shared_ptr<Inbox> inbox,
           Stats& stats)
    : options_{options},
      inbox_{std::move(inbox)},
      stats_{stats},
      store_{std::move(store)},
      wakeup_{store_->wakeup()},
      overlap_{store_->overlap()},
      now_{store_->clock().lease_ms()},
      last_traffic_ms_{now_},
      awake_ms_{now_} {}

void Loop::run() noexcept {
    try {
        while (!finished_ && !fatal_) {
            turn();
        }
    } catch (const std::exception& error) {
        fatal_ = Error{ErrorCode::internal, "engine", error.what()};
    } catch (...) {
        fatal_ = Error{ErrorCode::internal, "engine", "something was thrown that is no exception"};
    }
    if (fatal_) {
        fail(*fatal_);
    }
    worker_.reset();
    store_.reset();
}

void Loop::turn() {
    inbox_->take(intake_);
    now_ = lease_now();
    notice_stall();
    if (under_way_ && !calm()) {
        land();
    }
    renew();
    receive();
    if (worker_ != nullptr) {
        worker_->expire(now_, moves_);
    }
    exchange();
    if (under_way_ && !calm()) {
        land();
    }
    schedule_renewals();
    outbox_.flush();
    answer_questions();
    look_at_watched();
    run_chore();
    give_back_strays();
    notice_reset();
    schedule_renewals();
    outbox_.flush();
    finished_ = fatal_ || (closing_ && try_finish());
    if (!finished_) {
        wait();
    }
}

// --- what came in -----------------------------------------------------------------------------------------------

struct Loop::Operating {
    Loop& loop;

    void operator()(StartWorker& command) const {
        const Address from = command.from;
        loop.outbox_.meet(from.port);
        if (loop.worker_ == nullptr) {
            loop.worker_ = std::make_unique<Worker>(std::move(command), loop.options_, *loop.store_, loop.inbox_,
                                                    loop.outbox_, loop.stats_);
        } else if (const Status status = loop.worker_->restart(std::move(command), loop.moves_); !status) {
            loop.outbox_.reply(from, status.error());
            return;
        }
        if (!from.port->attach(loop.inbox_)) {  // its loop has ended meanwhile
            loop.stop_worker(true);
            return;
        }
        loop.look_ = true;
        loop.schedule_chores();
        loop.announce();
        loop.outbox_.reply(from, Answer{});
    }
    void operator()(StopWorker& command) const {
        loop.stop_worker(false);
        loop.outbox_.reply(command.from, Answer{});
    }
    void operator()(SetWork& command) const {
        if (loop.worker_ != nullptr) {
            loop.worker_->set_work(std::move(command.queues), std::move(command.tasks));
            loop.look_ = true;
            loop.agenda_.set_sooner(Chore::next_due, loop.now_);
            loop.announce();
        }
    }
    void operator()(PauseClaims& command) const {
        if (loop.worker_ != nullptr) {
            loop.worker_->pause(command.paused);
            loop.look_ = true;
        }
    }
    void operator()(Reclaimed& command) const {
        if (loop.worker_ != nullptr) {
            loop.worker_->reclaimed(command.slot);
        }
    }
    void operator()(NoteProgress& command) const {
        if (loop.worker_ != nullptr) {
            loop.worker_->note_progress(command);
        }
    }
    void operator()(Watch& command) const {
        if (!command.from.port->attach(loop.inbox_)) {
            return;  // nobody is left to be told
        }
        loop.outbox_.meet(command.from.port);
        loop.watchers_.add(std::move(command));
        loop.agenda_.set_sooner(Chore::look, loop.now_ + base::kSecondMs);
    }
    void operator()(Unwatch& command) const { loop.watchers_.remove(command.from); }
    void operator()(AwaitSpace& command) const {
        loop.outbox_.meet(command.from.port);
        if (loop.inbox_->full()) {
            loop.space_waiters_.push_back(std::move(command.from));
        } else {
            loop.outbox_.reply(command.from, Answer{});
        }
    }
    void operator()(PortClosed& command) const {
        loop.watchers_.remove(command.port);
        if (loop.worker_ != nullptr && loop.worker_->port() == command.port) {
            loop.stop_worker(true);
        }
    }
    void operator()(Close& command) const {
        loop.closing_ = true;
        loop.inbox_->refuse_new(closed());
        loop.close_by_ms_ = loop.now_ + command.deadline_ms;
        loop.stop_worker(false);
        if (loop.worker_ != nullptr) {
            loop.worker_->stop_natives();
        }
    }
};

void Loop::receive() {
    if (!intake_.empty()) {
        last_traffic_ms_ = now_;
    }
    // The order: what a run last said, then how it ended, then what takes runs back.
    const auto progress_end =
        std::stable_partition(intake_.commands.begin(), intake_.commands.end(),
                              [](const Command& command) { return std::holds_alternative<NoteProgress>(command); });
    const auto operate = [this](auto begin, auto end) {
        std::for_each(begin, end, [this](Command& command) { std::visit(Operating{*this}, command); });
    };
    operate(intake_.commands.begin(), progress_end);
    if (worker_ != nullptr && !intake_.settlements.empty()) {
        KHALA_FAILPOINT("settle.received");
        for (const Settlement& settlement : intake_.settlements) {
            worker_->settle(settlement, moves_);
        }
    }
    operate(progress_end, intake_.commands.end());
    for (Insertion& insertion : intake_.insertions) {
        outbox_.meet(insertion.from.port);
        insertions_.push_back(std::move(insertion));
    }
    for (Asked& asked : intake_.questions) {
        outbox_.meet(asked.from.port);
        questions_.push_back(std::move(asked));
    }
    intake_.settlements.clear();
    intake_.commands.clear();
    intake_.insertions.clear();
    intake_.questions.clear();
}

// Others need not count on it any longer; what it still runs is renewed until it ends.
void Loop::stop_worker(bool everything) {
    if (worker_ == nullptr) {
        return;
    }
    const bool served = !worker_->stopped();
    worker_->stop(everything, moves_);
    if (served) {  // where that fails, the store forgets it by itself
        static_cast<void>(ask([this](store::Store& store) { return store.retire(worker_->spec().id); }));
    }
}

// --- sleeping ---------------------------------------------------------------------------------------------------

bool Loop::holds_leases() const {
    return (worker_ != nullptr && worker_->holds_leases()) ||
           std::any_of(moves_.begin(), moves_.end(), [](const PendingMove& pending) { return pending.renewable; });
}

bool Loop::idle() const {
    return now_ - last_traffic_ms_ >= base::kSecondMs;
}

bool Loop::wants_claim() const {
    return look_ && worker_ != nullptr && worker_->has_room();
}

bool Loop::has_work() const {
    if (under_way_) {
        return worth_overlapping();
    }
    const bool may_write = now_ >= retry_ms_;
    return !insertions_.empty() || !questions_.empty() || watchers_.wanting() ||
           (may_write && (!moves_.empty() || wants_claim()));
}

Millis Loop::next_wake() const {
    Millis next = std::min({next_renew_ms_, next_cancel_poll_ms_, close_by_ms_});
    Millis chore = agenda_.at(agenda_.first());
    if (idle() && chore != kNever) {
        chore = std::max(chore, last_chore_ms_ + kIdlePaceMs);
    }
    next = std::min(next, chore);
    if (under_way_) {
        next = std::min(next, land_by());
    } else if (!moves_.empty() || wants_claim()) {
        next = std::min(next, retry_ms_);
    }
    if (worker_ != nullptr) {
        next = std::min(next, worker_->next_deadline());
        if (next_due_at_ != 0) {
            next = std::min(next, now_ + std::max<Millis>(0, next_due_at_ - wall_now()));
        }
    }
    return next;
}

// Armed first, then one more look, then sleep: whatever happens after the look finds the bell armed.
void Loop::arm() {
    if (wakeup_ == nullptr) {
        return;
    }
    const bool jobs = worker_ != nullptr && worker_->has_room();
    const bool closings = !watchers_.empty();
    if (jobs == armed_jobs_ && closings == armed_closings_) {
        return;
    }
    wakeup_->arm(jobs, closings);
    look_ = look_ || (jobs && !armed_jobs_);
    if (closings && !armed_closings_) {
        watchers_.want_all();
    }
    armed_jobs_ = jobs;
    armed_closings_ = closings;
}

void Loop::wait() {
    now_ = lease_now();
    awake_ms_ = now_;
    if (has_work()) {
        return;
    }
    arm();
    if (has_work() || !inbox_->may_sleep()) {
        return;
    }
    const Millis until = next_wake();
    int timeout_ms = -1;
    if (options_.real_time && until != kNever) {
        timeout_ms = static_cast<int>(std::clamp<Millis>(until - now_, 0, base::kMinuteMs));
    }
    if (!options_.real_time && until <= now_) {
        timeout_ms = 0;
    }
    std::array<pollfd, 3> polled{{{.fd = inbox_->fd(), .events = POLLIN, .revents = 0},
                                  {.fd = wakeup_ != nullptr ? wakeup_->fd() : -1, .events = POLLIN, .revents = 0},
                                  {.fd = under_way_ ? overlap_->fd() : -1, .events = POLLIN, .revents = 0}}};
    static_cast<void>(::poll(polled.data(), polled.size(), timeout_ms));
    awake_ms_ = until == kNever ? lease_now() : until;
    if (polled[0].revents != 0) {
        inbox_->hear();
    }
    if (polled[1].revents != 0) {
        hear();
    }
    arrived_ = under_way_ && (polled[2].revents != 0 || lease_now() >= land_by());
}

void Loop::hear() {
    const store::Wakeup::Heard heard = wakeup_->drain();
    if (heard.jobs) {
        armed_jobs_ = false;  // the ring took it: arming again brings the look
    }
    if (heard.closings) {
        armed_closings_ = false;
    }
    for (const std::string& id : heard.ids) {
        watchers_.want(id);
    }
    if (heard.stops && next_cancel_poll_ms_ != kNever) {
        next_cancel_poll_ms_ = lease_now();
    }
    if (heard.jobs || heard.closings || heard.stops || watchers_.wanting()) {
        last_traffic_ms_ = lease_now();
    }
}

// --- the end ----------------------------------------------------------------------------------------------------

// Native handlers get until the deadline to end, then everything that is still held is given back and the rest of the
// inbox is served.
bool Loop::try_finish() {
    const bool late = lease_now() >= close_by_ms_;
    if (worker_ != nullptr && !gave_back_) {
        if (worker_->native_running() > 0 && !late) {
            return false;
        }
        KHALA_FAILPOINT("shutdown.draining");
        worker_->stop(true, moves_);
        gave_back_ = true;
    }
    if (!late && (!moves_.empty() || !insertions_.empty() || !questions_.empty())) {
        return false;
    }
    if (worker_ != nullptr) {
        worker_->natives().stop(kNativePatienceMs);
    }
    KHALA_FAILPOINT("shutdown.released");
    inbox_->close(closed());
    inbox_->take(intake_);
    std::move(intake_.insertions.begin(), intake_.insertions.end(), std::back_inserter(insertions_));
    std::move(intake_.questions.begin(), intake_.questions.end(), std::back_inserter(questions_));
    for (const Insertion& insertion : insertions_) {
        outbox_.reply(insertion.from, closed());
    }
    for (const Asked& asked : questions_) {
        outbox_.reply(asked.from, closed());
    }
    outbox_.flush();
    return true;
}

void Loop::fail(const Error& error) noexcept {
    try {
        inbox_->close(error);
        if (worker_ != nullptr) {
            worker_->stop(true, moves_);  // no handler may be entered any more; the moves are lost with the store
        }
        // Those whose requests were never looked at have ports, too.
        inbox_->take(intake_);
        for (const Insertion& insertion : intake_.insertions) {
            outbox_.meet(insertion.from.port);
        }
        for (const Asked& asked : intake_.questions) {
            outbox_.meet(asked.from.port);
        }
        outbox_.broadcast(error);
        if (worker_ != nullptr) {
            worker_->natives().stop(kNativePatienceMs);
        }
    } catch (...) {  // out of memory while reporting: callers still find the inbox closed
    }
}

}  // namespace khala::engine
