// What the engine's one thread does, over and over:
//
//   take everything that waits -> renew leases if that is due (first, whatever else waits) -> turn outcomes into moves
//   -> one transaction: new jobs + moves + claim -> hand out leases and replies -> answer questions -> a chore -> sleep
//
// The batches form by themselves: what arrives while a transaction runs is the next one. Nothing is delayed to make a
// batch bigger. A store that works elsewhere (store::Overlap) gets the next large batch before it has answered the one
// before, whenever nothing but outcomes waits: overlap.cpp. An idle engine asks the store one question in kIdlePaceMs,
// a client without a worker none. What it asks about the leases it holds comes on top, and never at the expense of the
// chores.
//
// A store that cannot serve right now (full, busy, i/o, away) costs the new jobs of that moment an error; moves are
// kept and tried again until the store answers. Any other failure of a write ends the engine: every port is told.
//
// Times are of the lease clock unless their name says `_at` (wall clock).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/agenda.hpp"
#include "engine/inbox.hpp"
#include "engine/options.hpp"
#include "engine/outbox.hpp"
#include "engine/stats.hpp"
#include "engine/watchers.hpp"
#include "engine/worker.hpp"
#include "store/store.hpp"

namespace khala::engine {

// Longer than a second, since a connection's own signs of life count as well: together an idle worker sends a server at
// most one command a second.
inline constexpr Millis kIdlePaceMs = 1'500;

class Loop {
public:
    Loop(std::unique_ptr<store::Store> store, const EngineOptions& options, std::shared_ptr<Inbox> inbox, Stats& stats);

    // Until closed, or until the store fails. Throws nothing. The store is closed when it returns.
    void run() noexcept;

private:
    // --- the turn: loop.cpp ---
    void turn();
    void receive();
    struct Operating;  // one command
    void wait();
    void hear();
    void arm();
    [[nodiscard]] bool has_work() const;
    [[nodiscard]] Millis next_wake() const;
    void stop_worker(bool everything);
    [[nodiscard]] bool try_finish();
    void fail(const Error& error) noexcept;

    // --- transactions and answers: exchange.cpp ---
    // What goes into one transaction. May be moved while it is under way.
    struct Batch {
        std::vector<Insertion> insertions;
        std::vector<store::InsertGroup> groups;  // of the insertions, in their order
        std::vector<PendingMove> pending;
        std::vector<store::Move> moves;  // of the pending ones, in their order
        const store::Claim* claim = nullptr;
        std::unique_ptr<const store::Claim> kept_claim;  // `claim`, where the worker's own may change meanwhile

        [[nodiscard]] bool empty() const noexcept { return groups.empty() && moves.empty() && claim == nullptr; }
        [[nodiscard]] store::Exchange request() const noexcept {
            return {.inserts = groups, .moves = moves, .claim = claim};
        }
    };
    void exchange();
    [[nodiscard]] Batch next_batch();
    [[nodiscard]] Result<store::ExchangeReply> send(const Batch& batch);
    void insert_one_by_one(Batch& batch);
    void on_failure(Batch& batch, const Error& error);
    void on_success(Batch& batch, store::ExchangeReply reply, Millis asked);
    void on_inserted(const Insertion& insertion, Result<Answer> answer);
    void on_moved(const PendingMove& pending, store::Moved answer);
    void send_last_progress(const std::vector<PendingMove>& moves);
    void answer_questions();
    void after_answer(const Question& question, const Result<Answer>& result);
    void look_at_watched();
    void sweep(const std::set<std::string>& queues);
    void note_swept(store::ExchangeReply& reply);

    // --- exchanges under way: overlap.cpp ---
    struct UnderWay {
        Batch batch;
        Millis asked;
    };
    [[nodiscard]] bool may_overlap(const Batch& batch) const noexcept;
    [[nodiscard]] bool worth_overlapping() const;
    [[nodiscard]] bool calm() const;
    void begin(Batch batch);
    // Takes the answer to what is under way, if anything is.
    void land();
    [[nodiscard]] Millis land_by() const noexcept;

    // --- the clock: chores.cpp ---
    void notice_stall();
    void schedule_renewals();
    void renew();
    [[nodiscard]] bool renew_all(Millis lease_ms);
    void schedule_chores();
    void run_chore();
    void look();
    void reap();
    void announce();
    void ask_next_due();
    void park();
    void prune();
    void note_due(Millis due_at) noexcept;

    // Calls the store with `f(store)`: counts, times, remembers how it went.
    template <typename F>
    auto ask(F&& f) {
        const Millis before = lease_now();
        auto result = f(*store_);
        note_call(before, result.ok());
        if (!result.ok() && !fatal_ && store_->failed()) {
            fatal_ = result.error();
        }
        return result;
    }
    void note_call(Millis began, bool ok) noexcept;
    void give_back_strays();
    // Tells the worker when the contents of the store are gone.
    void notice_reset();
    // A failed write: fatal unless the store may serve again later. True when it may.
    [[nodiscard]] bool survives(const Error& error);

    [[nodiscard]] Millis lease_now() const { return store_->clock().lease_ms(); }
    [[nodiscard]] Millis wall_now() const { return store_->clock().wall_ms(); }
    [[nodiscard]] bool holds_leases() const;
    [[nodiscard]] bool idle() const;  // nothing moved for a second: one chore in kIdlePaceMs is enough
    [[nodiscard]] bool wants_claim() const;

    const EngineOptions options_;
    const std::shared_ptr<Inbox> inbox_;
    Stats& stats_;
    std::unique_ptr<store::Store> store_;
    store::Wakeup* const wakeup_;    // of the store; null when no other process can share it
    store::Overlap* const overlap_;  // of the store; null when one exchange is done before the next begins
    Outbox outbox_;
    Watchers watchers_{outbox_};
    std::unique_ptr<Worker> worker_;
    Agenda agenda_;

    Intake intake_;
    std::deque<Insertion> insertions_;
    std::deque<Asked> questions_;
    std::vector<PendingMove> moves_;
    std::vector<Address> space_waiters_;
    std::optional<UnderWay> under_way_;
    bool arrived_ = false;  // its answer is there, or should be

    Millis now_ = 0;     // at the top of the turn
    bool look_ = false;  // there may be something to claim
    bool armed_jobs_ = false;
    bool armed_closings_ = false;
    Millis next_due_at_ = 0;      // of the next scheduled job that is known of; 0 = none
    Millis last_chore_ms_ = 0;    // when the last chore was done
    Millis last_traffic_ms_ = 0;  // when something last came in, or was claimed

    Millis renewed_ms_ = 0;  // when all held leases were last known to be fresh
    Millis next_renew_ms_ = kNever;
    Millis next_cancel_poll_ms_ = kNever;
    Millis no_reap_until_ms_ = 0;
    Millis failing_since_ms_ = kNever;  // the first of the failures that no success has followed
    Millis awake_ms_ = 0;               // when the thread last knew that it was running, or meant to
    Millis retry_ms_ = 0;               // after a failure: moves and claims not before this
    Millis backoff_ms_ = 0;
    bool strays_ = false;  // a claim's answer was lost or late: the store may have leased us jobs we do not know of
    Millis denied_since_ms_ = kNever;  // the first of the refusals of this user that no success has followed

    std::optional<Error> fatal_;
    Millis close_by_ms_ = kNever;
    bool closing_ = false;
    bool gave_back_ = false;
    bool finished_ = false;
};

}  // namespace khala::engine
