#include "engine/worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/failpoint.hpp"

namespace khala::engine {

Worker::Worker(StartWorker start, const EngineOptions& options, store::Store& store, std::shared_ptr<Inbox> inbox,
               Outbox& outbox, Stats& stats)
    : options_{options},
      store_{store},
      outbox_{outbox},
      stats_{stats},
      rng_{Rng::from_entropy()},
      deadlines_{static_cast<std::size_t>(start.spec.slots) + 1},
      natives_{std::move(inbox)},
      has_suspect_slot_{start.spec.suspects == store::Suspects::at_most_one} {
    claim_.lease_ms = options_.lease_ms;
    take_up(std::move(start));
    slots_.resize(static_cast<std::size_t>(spec_.slots) + (has_suspect_slot_ ? 1 : 0));
    for (int slot = spec_.slots - 1; slot >= 0; --slot) {
        free_.push_back(slot);
    }
}

void Worker::take_up(StartWorker start) {
    spec_ = std::move(start.spec);
    port_ = std::move(start.from.port);
    started_at_ = store_.clock().wall_ms();
    claim_.worker = spec_.id;
    set_work(std::move(spec_.queues), std::move(spec_.tasks));
}

void Worker::set_work(std::vector<store::QueueDemand> queues, std::vector<std::string> tasks) {
    for (auto& [queue, use] : queues_) {
        use.limit = 0;
    }
    queue_names_.clear();
    for (const auto& [queue, limit] : queues) {
        queue_names_.push_back(queue);
        queues_[queue].limit = limit;
    }
    claim_.queues = queues;
    claim_.tasks = tasks;
    spec_.queues = std::move(queues);
    spec_.tasks = std::move(tasks);
}

Status Worker::restart(StartWorker start, std::vector<PendingMove>& moves) {
    if (!stopped_) {
        return Error{ErrorCode::invalid_argument, "worker", "this engine's worker is running; one engine runs one"};
    }
    // Slots that are still taken keep their numbers, by which handlers and liveness marks are known.
    if (start.spec.slots != spec_.slots || start.spec.suspects != spec_.suspects) {
        return Error{ErrorCode::invalid_argument, "slots",
                     "a worker that is started again keeps its " + std::to_string(spec_.slots) +
                         " slots and what it does with suspects"};
    }
    for (int index = 0; start.from.port != port_ && index < static_cast<int>(slots_.size()); ++index) {
        if (at(index).phase == Phase::leased && !at(index).native) {
            end(index, job::Release{"worker stopped"}, 0, moves);
        }
    }
    take_up(std::move(start));
    stopped_ = false;
    paused_ = false;
    return {};
}

store::WorkerInfo Worker::info() const {
    char host[256] = {};
    static_cast<void>(::gethostname(host, sizeof host - 1));
    return {.id = spec_.id,
            .host = host,
            .pid = ::getpid(),
            .boot_id = std::string{store_.clock().boot_id()},
            .version = spec_.version,
            .queues = queue_names_,
            .tasks = spec_.tasks,
            .slots = spec_.slots,
            .started_at = started_at_,
            .seen_at = 0,
            .seen_lease_ms = 0};
}

// --- claiming ---------------------------------------------------------------------------------------------------

bool Worker::has_room() const {
    if (paused_ || stopped_) {
        return false;
    }
    if (has_suspect_slot_ && slots_.back().phase == Phase::free) {
        return true;
    }
    return !free_.empty() && std::any_of(queues_.begin(), queues_.end(),
                                         [](const auto& entry) { return entry.second.running < entry.second.limit; });
}

const store::Claim* Worker::claim(const store::Claim* awaited) {
    if (!has_room()) {
        return nullptr;
    }
    const bool only_suspects = spec_.suspects == store::Suspects::only;
    const int promised = awaited != nullptr ? awaited->limit : 0;
    claim_.limit = only_suspects ? 0 : std::max(0, static_cast<int>(free_.size()) - promised);
    for (std::size_t i = 0; i < claim_.queues.size(); ++i) {
        store::QueueDemand& demand = claim_.queues[i];
        const QueueUse& use = queues_.at(demand.queue);
        const int running = use.running + (awaited != nullptr ? awaited->queues[i].limit : 0);
        demand.limit = std::clamp(use.limit - running, 0, claim_.limit);
    }
    claim_.suspects = store::Suspects::none;
    const bool awaits_suspect = awaited != nullptr && awaited->suspects != store::Suspects::none;
    if (!awaits_suspect && (only_suspects || (has_suspect_slot_ && slots_.back().phase == Phase::free))) {
        claim_.suspects = spec_.suspects;
    }
    return claim_.limit > 0 || claim_.suspects != store::Suspects::none ? &claim_ : nullptr;
}

store::Claim Worker::sweep(const std::set<std::string>& more) const {
    store::Claim claim = claim_;
    claim.limit = 0;
    claim.suspects = store::Suspects::none;
    for (store::QueueDemand& demand : claim.queues) {
        demand.limit = 0;
    }
    for (const std::string& queue : more) {
        if (!serves(queue)) {
            claim.queues.push_back({.queue = queue, .limit = 0});
        }
    }
    return claim;
}

void Worker::accept(std::vector<store::Lease> leases, const store::Claim& claim) {
    // A slot, or a place in a queue, that was filled just now may have left jobs behind: worth another claim when it
    // is free again. Where the store had less than was asked for, it has no more.
    const auto ordinary = std::count_if(leases.begin(), leases.end(), [this](const store::Lease& lease) {
        return !(has_suspect_slot_ && lease.standing.suspect);
    });
    all_used_up_ = ordinary >= claim.limit;
    suspect_used_up_ = ordinary < static_cast<std::ptrdiff_t>(leases.size()) || claim.suspects == store::Suspects::none;
    for (auto& lease : leases) {
        place(std::move(lease));
    }
    for (auto& [queue, use] : queues_) {
        use.used_up = use.running >= use.limit;
    }
    stats_.running = leased_;
}

int Worker::take_slot(const store::Lease& lease) {
    if (has_suspect_slot_ && lease.standing.suspect) {
        return spec_.slots;
    }
    const int slot = free_.back();  // claims never exceed the free slots
    free_.pop_back();
    return slot;
}

void Worker::place(store::Lease lease) {
    const int index = take_slot(lease);
    Slot& slot = at(index);
    assert(slot.phase == Phase::free);
    slot = Slot{};
    slot.phase = Phase::leased;
    slot.native = is_native(lease.job.task);
    if (index < spec_.slots) {
        slot.queue = &queues_[lease.job.queue];
        ++slot.queue->running;
    }
    slot.delivery = std::make_shared<Delivery>(std::move(lease), index, store_);
    ++leased_;
    native_running_ += slot.native ? 1 : 0;
    set_deadline(index, store_.clock().lease_ms());
    KHALA_FAILPOINT("dispatch");
    if (slot.native) {
        ++stats_.native_runs;
        natives_.run(slot.delivery);
    } else {
        outbox_.add(port_, slot.delivery);
    }
}

void Worker::stop(bool everything, std::vector<PendingMove>& moves) {
    stopped_ = true;
    for (int index = 0; index < static_cast<int>(slots_.size()); ++index) {
        Slot& slot = at(index);
        if (slot.phase == Phase::leased && (slot.delivery->revoke() || everything)) {
            slot.delivery->ask_to_stop(StopReason::shutdown);
            end(index, job::Release{"worker stopped"}, 0, moves);
        }
    }
}

void Worker::stop_natives() {
    for (const Slot& slot : slots_) {
        if (slot.native) {
            slot.delivery->ask_to_stop(StopReason::shutdown);
        }
    }
}

// --- running ----------------------------------------------------------------------------------------------------

PendingMove Worker::decide(const Delivery& delivery, const Slot* slot, const job::Outcome& outcome) {
    PendingMove pending;
    pending.move = decide_for_others(delivery.lease(), outcome);
    pending.renewable = slot != nullptr && !slot->lost;
    return pending;
}

store::Move Worker::decide_for_others(const store::Lease& lease, const job::Outcome& outcome) {
    return job::decide(lease, outcome, store_.clock().wall_ms(), rng_, {.max_crashes = options_.max_crashes});
}

// Ends the lease in a slot and frees the slot. The delivery was started, or is revoked here: it must not be started
// once it has left the table.
void Worker::end(int index, const job::Outcome& outcome, Millis cpu_ms, std::vector<PendingMove>& moves) {
    Slot& slot = at(index);
    static_cast<void>(slot.delivery->revoke());
    PendingMove pending = decide(*slot.delivery, &slot, outcome);
    pending.move.cpu_ms = cpu_ms;
    pending.delivery = slot.delivery;
    pending.progress = std::move(slot.progress);
    pending.had_progress = slot.had_progress;
    moves.push_back(std::move(pending));
    free_slot(slot, index);
}

void Worker::free_slot(Slot& slot, int index) {
    if (slot.phase == Phase::leased) {
        --leased_;
    }
    if (slot.native) {
        --native_running_;
    }
    if (index == spec_.slots) {
        freed_ = freed_ || suspect_used_up_;
    } else {
        freed_ = freed_ || all_used_up_ || slot.queue->used_up;
        --slot.queue->running;
        free_.push_back(index);
    }
    deadlines_.clear(static_cast<std::size_t>(index));
    slot = Slot{};
    stats_.running = leased_;
}

void Worker::settle(const Settlement& settlement, std::vector<PendingMove>& moves) {
    const int index = settlement.delivery->slot();
    Slot& slot = at(index);
    if (slot.delivery == settlement.delivery && slot.phase == Phase::leased) {
        end(index, settlement.outcome, settlement.cpu_ms, moves);
        return;
    }
    // Too late: the lease was given up before. The store refuses the move and notes what it brought.
    PendingMove late = decide(*settlement.delivery, nullptr, settlement.outcome);
    late.delivery = settlement.delivery;
    moves.push_back(std::move(late));
    if (slot.delivery == settlement.delivery && slot.phase == Phase::abandoned && slot.native) {
        free_slot(slot, index);
    }
}

void Worker::reclaimed(int index) {
    if (index < 0 || index >= static_cast<int>(slots_.size())) {
        return;
    }
    Slot& slot = at(index);
    if (slot.phase == Phase::abandoned) {
        free_slot(slot, index);
    }
}

void Worker::note_progress(const NoteProgress& note) {
    Slot& slot = at(note.delivery->slot());
    if (slot.delivery == note.delivery && slot.phase == Phase::leased) {
        slot.progress = note.progress;
        slot.had_progress = true;
    }
}

void Worker::cancel(const std::vector<std::string>& ids, std::vector<PendingMove>& moves) {
    for (int index = 0; index < static_cast<int>(slots_.size()); ++index) {
        const Slot& slot = at(index);
        if (slot.phase == Phase::leased &&
            std::find(ids.begin(), ids.end(), slot.delivery->lease().job.id) != ids.end()) {
            cancel_slot(index, moves);
        }
    }
}

void Worker::cancel_slot(int index, std::vector<PendingMove>& moves) {
    Slot& slot = at(index);
    if (slot.cancelled) {
        return;
    }
    slot.cancelled = true;
    if (slot.delivery->revoke()) {
        end(index, job::Release{}, 0, moves);  // the store knows of the request, and why, and makes it a cancellation
    } else {
        stop_handler(index, StopReason::cancelled);
    }
}

void Worker::stop_handler(int index, StopReason reason) {
    const Slot& slot = at(index);
    slot.delivery->ask_to_stop(reason);
    if (!slot.native) {
        outbox_.add(port_, Stop{.slot = index, .reason = reason});
    }
}

// --- leases -----------------------------------------------------------------------------------------------------

void Worker::collect(RenewalRound& round) {
    for (int index = 0; index < static_cast<int>(slots_.size()); ++index) {
        Slot& slot = at(index);
        if (slot.phase == Phase::leased && !slot.lost) {
            const store::Lease& lease = slot.delivery->lease();
            round.renewals.push_back(
                {.ref = lease.ref, .id = lease.job.id, .token = lease.standing.token, .progress = slot.progress});
            round.slots.push_back(index);
        }
    }
}

void Worker::apply(const RenewalRound& round, const std::vector<store::Renewed>& answers,
                   std::vector<PendingMove>& moves) {
    for (std::size_t i = 0; i < round.slots.size(); ++i) {
        const int index = round.slots[i];
        at(index).progress.reset();
        switch (answers[i]) {
            case store::Renewed::lost: lose(index); continue;
            case store::Renewed::cancel_requested: cancel_slot(index, moves); break;
            case store::Renewed::ok: break;
        }
    }
}

void Worker::lose(int index) {
    Slot& slot = at(index);
    ++stats_.lost;
    slot.lost = true;
    if (slot.delivery->revoke()) {
        free_slot(slot, index);  // somebody else has the job; nothing happened here
    } else {
        stop_handler(index, StopReason::lease_lost);
    }
}

}  // namespace khala::engine
