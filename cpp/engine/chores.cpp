// What the engine does by the clock: renewing leases, asking for cancellations, and the chores of agenda.hpp.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/failpoint.hpp"
#include "engine/loop.hpp"

namespace khala::engine {

namespace {

constexpr Millis kLookMs = base::kSecondMs;
constexpr Millis kCancelPollMs = base::kSecondMs;
constexpr Millis kReapLeastMs = 500;
constexpr Millis kReapMostMs = 2'000;
constexpr Millis kAnnounceMs = store::kWorkerLiveMs / 3;
constexpr Millis kNextDueMs = 5'000;
constexpr Millis kParkMs = 10'000;
constexpr Millis kPruneMs = 10'000;
constexpr int kReapCount = 200;
constexpr int kParkCount = 200;

}  // namespace

// --- leases -----------------------------------------------------------------------------------------------------

void Loop::note_call(Millis began, bool ok) noexcept {
    const Millis ended = lease_now();
    ++stats_.store_queries;
    stats_.store_errors += ok ? 0 : 1;
    Stats::raise(stats_.max_store_call_ms, ended - began);
    if (options_.real_time && ended - began > options_.renew_ms()) {
        no_reap_until_ms_ = ended + options_.renew_ms();
    }
    if (!ok) {
        failing_since_ms_ = std::min(failing_since_ms_, began);
    } else if (failing_since_ms_ != kNever) {
        // So long that others will have missed a renewal, too, and are about to make up for it.
        if (ended - failing_since_ms_ > options_.renew_ms()) {
            no_reap_until_ms_ = ended + options_.renew_ms();
        }
        failing_since_ms_ = kNever;
    }
}

void Loop::notice_reset() {
    const std::int64_t count = store_->resets();
    if (count != stats_.store_resets) {
        stats_.store_resets = count;
        outbox_.add(worker_ != nullptr ? worker_->port() : nullptr, StoreReset{count});
    }
}

// A claim whose answer was lost has leased jobs to this worker that it never heard of. They need not wait for the end
// of their leases: what runs here by the store's word, and not by ours, was never started and goes back.
void Loop::give_back_strays() {
    if (!strays_ || now_ < retry_ms_ || worker_ == nullptr) {
        return;
    }
    RenewalRound held;
    worker_->collect(held);
    std::unordered_set<store::Token> known;
    for (const store::Renewal& renewal : held.renewals) {
        known.insert(renewal.token);
    }
    for (const PendingMove& pending : moves_) {
        known.insert(pending.move.token);
    }
    store::ListQuery query;
    query.states = {store::State::running};
    query.limit = static_cast<int>(kListPage);
    do {
        const auto page = ask([&query](store::Store& store) { return store.list(query); });
        if (!page) {
            static_cast<void>(survives(page.error()));
            return;
        }
        for (const store::JobRow& row : page->rows) {
            if (row.standing.worker == worker_->spec().id && !known.contains(row.standing.token)) {
                PendingMove pending;
                pending.renewable = false;
                pending.stray = true;  // its token decides, whenever the store can be asked
                pending.move = worker_->decide_for_others({.ref = row.ref, .job = row.job, .standing = row.standing},
                                                          job::Release{"the answer to its claim was lost"});
                moves_.push_back(std::move(pending));
            }
        }
        query.cursor = page->cursor;
    } while (!query.cursor.empty());
    strays_ = false;
}

// The thread, or the whole machine, stood still, or waited long for the writer lock. So may everybody else have: their
// leases look lapsed, and they will renew them as soon as they are let. Nobody's jobs are taken for one period.
void Loop::notice_stall() {
    if (options_.real_time && now_ - awake_ms_ > options_.renew_ms()) {
        no_reap_until_ms_ = now_ + options_.renew_ms();
    }
}

void Loop::schedule_renewals() {
    if (!holds_leases()) {
        next_renew_ms_ = kNever;
        next_cancel_poll_ms_ = kNever;
    } else if (next_renew_ms_ == kNever) {
        renewed_ms_ = lease_now();
        next_renew_ms_ = renewed_ms_ + options_.renew_ms();
        next_cancel_poll_ms_ = renewed_ms_ + kCancelPollMs;
    }
}

void Loop::renew() {
    if (now_ >= next_renew_ms_) {
        KHALA_FAILPOINT("hb.before");
        const bool renewed = renew_all(options_.lease_ms);
        KHALA_FAILPOINT("hb.after");
        const Millis now = lease_now();
        Stats::raise(stats_.max_renew_gap_ms, now - renewed_ms_);
        if (renewed) {
            renewed_ms_ = now;
            next_cancel_poll_ms_ = now + kCancelPollMs;
        }
        next_renew_ms_ = now + (renewed ? options_.renew_ms() : options_.renew_ms() / 10);
    } else if (now_ >= next_cancel_poll_ms_) {
        static_cast<void>(renew_all(0));
        next_cancel_poll_ms_ = lease_now() + kCancelPollMs;
    }
}

// lease_ms 0 only asks whether anybody wants a job to stop.
bool Loop::renew_all(Millis lease_ms) {
    RenewalRound round;
    if (worker_ != nullptr) {
        worker_->collect(round);
    }
    std::vector<PendingMove*> pending;
    for (PendingMove& move : moves_) {
        if (move.renewable) {
            const store::Lease& lease = move.delivery->lease();
            round.renewals.push_back(
                {.ref = lease.ref, .id = lease.job.id, .token = lease.standing.token, .progress = {}});
            pending.push_back(&move);
        }
    }
    if (round.renewals.empty()) {
        return true;
    }
    const auto answers = ask([&](store::Store& store) { return store.renew(round.renewals, lease_ms); });
    if (!answers) {
        static_cast<void>(survives(answers.error()));
        return false;
    }
    for (std::size_t i = 0; i < pending.size(); ++i) {
        pending[i]->renewable = (*answers)[round.slots.size() + i] != store::Renewed::lost;
    }
    if (worker_ != nullptr) {
        worker_->apply(round, *answers, moves_);
    }
    stats_.renewals += lease_ms > 0 ? static_cast<std::int64_t>(round.renewals.size()) : 0;
    return true;
}

// --- chores -----------------------------------------------------------------------------------------------------

void Loop::schedule_chores() {
    // Spread over the first second, so that a worker that starts does not ask everything at once.
    agenda_.set(Chore::look, now_ + kLookMs);
    agenda_.set(Chore::reap, now_ + kReapLeastMs);
    agenda_.set(Chore::next_due, now_);
    agenda_.set(Chore::announce, now_ + kAnnounceMs);
    agenda_.set(Chore::park, now_ + kParkMs);
    agenda_.set(Chore::prune, now_ + kPruneMs / 2);
}

void Loop::note_due(Millis due_at) noexcept {
    if (due_at != 0 && (next_due_at_ == 0 || due_at < next_due_at_)) {
        next_due_at_ = due_at;
    }
}

// One a turn, the longest overdue first; while nothing else happens one in kIdlePaceMs.
void Loop::run_chore() {
    if (next_due_at_ != 0 && wall_now() >= next_due_at_) {
        next_due_at_ = 0;
        look_ = true;
        agenda_.set_sooner(Chore::next_due, now_);
        return;
    }
    const Chore chore = agenda_.first();
    const bool paced = idle() && now_ - last_chore_ms_ < kIdlePaceMs;
    if (now_ < agenda_.at(chore) || paced || fatal_ || closing_) {
        return;
    }
    last_chore_ms_ = now_;
    switch (chore) {
        case Chore::look: look(); return;
        case Chore::reap: reap(); return;
        case Chore::announce: announce(); return;
        case Chore::next_due: ask_next_due(); return;
        case Chore::park: park(); return;
        case Chore::prune: prune(); return;
        case Chore::checkpoint:
            agenda_.clear(chore);
            if (const auto done = ask([](store::Store& store) { return store.idle(); }); !done) {
                static_cast<void>(survives(done.error()));
            }
            return;
    }
}

// A claim also sees to what is due and what is overdue; a worker that has no room for jobs asks for that alone.
void Loop::look() {
    const bool works = worker_ != nullptr && !worker_->stopped();
    agenda_.set(Chore::look, works || !watchers_.empty() ? now_ + kLookMs : kNever);
    watchers_.want_all();
    if (works && worker_->has_room()) {
        look_ = true;
    } else if (works) {
        sweep({});
    }
}

void Loop::reap() {
    agenda_.set(Chore::reap, now_ + std::clamp(options_.renew_ms(), kReapLeastMs, kReapMostMs));
    if (now_ < no_reap_until_ms_) {
        return;
    }
    auto lapses = ask([](store::Store& store) { return store.lapsed(kReapCount); });
    if (!lapses) {
        static_cast<void>(survives(lapses.error()));
        return;
    }
    for (store::Lapse& lapse : *lapses) {
        PendingMove pending;
        pending.renewable = false;
        pending.move = worker_->decide_for_others(lapse.lease, lapse.cause);
        moves_.push_back(std::move(pending));
        KHALA_FAILPOINT("reap.after_n");
    }
    if (lapses->size() == static_cast<std::size_t>(kReapCount)) {
        agenda_.set(Chore::reap, now_);
    }
}

void Loop::announce() {
    agenda_.set(Chore::announce, worker_->stopped() ? kNever : now_ + kAnnounceMs);
    if (worker_->stopped()) {
        return;
    }
    const auto announced = ask([this](store::Store& store) { return store.announce(worker_->info()); });
    if (!announced) {
        if (survives(announced.error())) {
            agenda_.set(Chore::announce, now_ + base::kSecondMs);
        }
        return;
    }
    agenda_.set_sooner(Chore::look, now_);  // parked jobs may have become ready
}

void Loop::ask_next_due() {
    agenda_.set(Chore::next_due, now_ + kNextDueMs);
    const auto due_at = ask([this](store::Store& store) { return store.next_due(worker_->queue_names()); });
    if (!due_at) {
        static_cast<void>(survives(due_at.error()));
        return;
    }
    const bool waits = *due_at != 0 && *due_at <= wall_now();  // for a claim: every claim looks at what is due
    look_ = look_ || waits;
    next_due_at_ = waits ? 0 : *due_at;
}

void Loop::park() {
    agenda_.set(Chore::park, now_ + kParkMs);
    auto leases = ask([this](store::Store& store) { return store.unroutable(worker_->queue_names(), kParkCount); });
    if (!leases) {
        static_cast<void>(survives(leases.error()));
        return;
    }
    for (const store::Lease& lease : *leases) {
        PendingMove pending;
        pending.renewable = false;
        pending.move = worker_->decide_for_others(lease, job::Unroutable{});
        moves_.push_back(std::move(pending));
    }
}

void Loop::prune() {
    const store::Prune by_age;
    const auto removed = ask([&by_age](store::Store& store) { return store.prune(by_age); });
    const bool full = removed && *removed >= by_age.limit;
    agenda_.set(Chore::prune, full ? now_ : now_ + kPruneMs);
    if (!removed) {
        static_cast<void>(survives(removed.error()));
        return;
    }
    stats_.pruned += *removed;
    last_traffic_ms_ = full ? now_ : last_traffic_ms_;
}

}  // namespace khala::engine
