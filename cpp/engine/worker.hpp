// The slots of this process: which leases it holds, what runs in them and until when.
//
// A slot is free, leased, or abandoned: its job's hard timeout was settled, its handler has not ended yet. A slot is
// free again as soon as its settlement is here (the move and the next claim go into one transaction), except an
// abandoned one, which its owner hands back (Reclaimed).
//
// Besides the ordinary slots there is one for a suspect, a job that was running when a process died: suspects run one
// at a time, and never wait behind long jobs. Belongs to the engine's thread. All times are of the lease clock unless
// they are passed to decide().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/rng.hpp"
#include "engine/deadlines.hpp"
#include "engine/inbox.hpp"
#include "engine/native.hpp"
#include "engine/options.hpp"
#include "engine/outbox.hpp"
#include "engine/stats.hpp"
#include "job/lifecycle.hpp"
#include "store/store.hpp"

namespace khala::engine {

// A move that waits for its transaction. Until then the engine keeps the lease alive.
struct PendingMove {
    store::Move move;
    std::shared_ptr<Delivery> delivery;       // of whoever held the lease here; none for moves of the reaper
    bool renewable = true;                    // false: the lease is gone, the move is only to be noted
    bool stray = false;                       // of a lease that nobody here knew of
    std::optional<store::Progress> progress;  // what the run last said, if no renewal has carried it yet
    bool had_progress = false;
};

// What renew() is asked about, and to whom each answer belongs.
struct RenewalRound {
    std::vector<store::Renewal> renewals;
    std::vector<int> slots;  // the first of the renewals belong to these slots, in this order
};

class Worker {
public:
    Worker(StartWorker start, const EngineOptions& options, store::Store& store, std::shared_ptr<Inbox> inbox,
           Outbox& outbox, Stats& stats);

    [[nodiscard]] const WorkerSpec& spec() const noexcept { return spec_; }
    [[nodiscard]] const std::shared_ptr<Port>& port() const noexcept { return port_; }
    [[nodiscard]] store::WorkerInfo info() const;

    // Begins again after stop(). What the handlers behind another port still run is given back; native ones run on.
    // Errors: invalid_argument (it was not stopped; other slots or suspects than it had).
    [[nodiscard]] Status restart(StartWorker start, std::vector<PendingMove>& moves);
    void set_work(std::vector<store::QueueDemand> queues, std::vector<std::string> tasks);

    [[nodiscard]] const std::vector<std::string>& queue_names() const noexcept { return queue_names_; }
    [[nodiscard]] bool serves(const std::string& queue) const {
        const auto use = queues_.find(queue);
        return use != queues_.end() && use->second.limit > 0;
    }

    // --- claiming ---
    // What could be taken now, besides what the answer to another claim may bring (null: none is awaited); nullptr when
    // nothing could. Valid until the next call.
    [[nodiscard]] const store::Claim* claim(const store::Claim* awaited);
    // Takes nothing, but has the store see to what is due or overdue in the worker's queues and in `more`.
    [[nodiscard]] store::Claim sweep(const std::set<std::string>& more) const;
    [[nodiscard]] bool has_room() const;
    // Hands leases to their handlers: the answer to `claim`.
    void accept(std::vector<store::Lease> leases, const store::Claim& claim);
    // True once when a slot has become free that the last claim could have used: there may be a job for it.
    [[nodiscard]] bool take_freed() noexcept { return std::exchange(freed_, false); }

    void pause(bool paused) noexcept { paused_ = paused; }
    // No claims from now on; takes back what was not started. `everything`: gives back what runs, too.
    void stop(bool everything, std::vector<PendingMove>& moves);
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    // Asks running native handlers to end.
    void stop_natives();

    // --- running ---
    void settle(const Settlement& settlement, std::vector<PendingMove>& moves);
    void reclaimed(int index);
    void note_progress(const NoteProgress& note);
    // The jobs with these ids were asked to stop.
    void cancel(const std::vector<std::string>& ids, std::vector<PendingMove>& moves);

    // About a job that is not held here.
    [[nodiscard]] store::Move decide_for_others(const store::Lease& lease, const job::Outcome& outcome);

    // --- leases ---
    [[nodiscard]] bool holds_leases() const noexcept { return leased_ > 0; }
    [[nodiscard]] int running() const noexcept { return leased_; }
    void collect(RenewalRound& round);
    void apply(const RenewalRound& round, const std::vector<store::Renewed>& answers, std::vector<PendingMove>& moves);

    // --- timeouts ---
    [[nodiscard]] Millis next_deadline() const noexcept { return deadlines_.bound(); }
    void expire(Millis now, std::vector<PendingMove>& moves);

    [[nodiscard]] NativePool& natives() noexcept { return natives_; }
    [[nodiscard]] int native_running() const noexcept { return native_running_; }

private:
    enum class Phase : std::uint8_t { free, leased, abandoned };
    enum class Next : std::uint8_t { nothing, soft, hard, stuck };  // what the slot's deadline means

    struct QueueUse {
        int limit = 0;
        int running = 0;
        bool used_up = false;  // the last claim took all it was allowed to
    };
    struct Slot {
        Phase phase = Phase::free;
        Next next = Next::nothing;
        bool native = false;
        bool lost = false;
        bool cancelled = false;  // asked to stop
        bool had_progress = false;
        std::shared_ptr<Delivery> delivery;
        std::optional<store::Progress> progress;
        QueueUse* queue = nullptr;  // counts this lease; none for a suspect in the extra slot
    };

    void take_up(StartWorker start);
    void place(store::Lease lease);
    [[nodiscard]] int take_slot(const store::Lease& lease);
    void free_slot(Slot& slot, int index);
    void end(int index, const job::Outcome& outcome, Millis cpu_ms, std::vector<PendingMove>& moves);
    [[nodiscard]] PendingMove decide(const Delivery& delivery, const Slot* slot, const job::Outcome& outcome);
    void cancel_slot(int index, std::vector<PendingMove>& moves);
    void stop_handler(int index, StopReason reason);
    void lose(int index);
    void set_deadline(int index, Millis from);
    void on_deadline(int index, Millis now, std::vector<PendingMove>& moves);
    void time_out(int index, Millis now, std::vector<PendingMove>& moves);
    void report_stuck(int index);
    [[nodiscard]] Slot& at(int index) { return slots_[static_cast<std::size_t>(index)]; }

    WorkerSpec spec_;
    std::shared_ptr<Port> port_;
    const EngineOptions& options_;
    store::Store& store_;
    Outbox& outbox_;
    Stats& stats_;
    Rng rng_;
    Millis started_at_ = 0;
    std::vector<std::string> queue_names_;
    std::unordered_map<std::string, QueueUse> queues_;  // references stay valid: nothing is ever removed
    std::vector<Slot> slots_;                           // the last one is the suspect's, if there is one
    std::vector<int> free_;
    Deadlines deadlines_;
    store::Claim claim_;
    NativePool natives_;
    int leased_ = 0;
    int native_running_ = 0;
    bool has_suspect_slot_ = false;
    bool all_used_up_ = false;      // the last claim filled every ordinary slot
    bool suspect_used_up_ = false;  // and the suspect's
    bool freed_ = true;
    bool paused_ = false;
    bool stopped_ = false;
};

}  // namespace khala::engine
