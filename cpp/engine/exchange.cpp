// The engine's transactions: what goes into one, and what becomes of its answer.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/failpoint.hpp"
#include "engine/loop.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"

namespace khala::engine {

namespace {

// New jobs of one transaction, at least one caller's: renewals must not wait for a backlog.
constexpr std::size_t kBatchJobsSoft = 2'000;
constexpr std::size_t kBatchBytesSoft = std::size_t{4} << 20U;
// Questions are answered for this long before the next transaction has its turn.
constexpr Millis kAnswersMs = 20;
constexpr std::size_t kLookupIds = 500;
constexpr Millis kBackoffFirstMs = 20;
constexpr Millis kBackoffMostMs = 1'000;
constexpr Millis kDeniedMs = 10'000;  // a store that refuses this user for so long ends the worker

// The caller's fault: trying again without that request helps.
bool is_refusal(ErrorCode code) noexcept {
    using enum ErrorCode;
    return code == invalid_argument || code == not_found || code == queue_full || code == unsupported;
}

}  // namespace

Loop::Batch Loop::next_batch() {
    Batch batch;
    std::size_t jobs = 0;
    std::size_t bytes = 0;
    while (!insertions_.empty() && (jobs == 0 || (jobs < kBatchJobsSoft && bytes < kBatchBytesSoft))) {
        Insertion insertion = std::move(insertions_.front());
        insertions_.pop_front();
        jobs += insertion.jobs;
        bytes += insertion.bytes;
        for (const store::NewJob& job : insertion.group.jobs) {
            if (worker_ != nullptr && worker_->serves(job.queue)) {
                look_ = true;
                note_due(job.run_at);
            }
        }
        batch.groups.push_back(std::move(insertion.group));
        batch.insertions.push_back(std::move(insertion));
    }
    if (now_ < retry_ms_) {
        return batch;  // the store has just failed: no more than what somebody waits for
    }
    batch.pending.swap(moves_);
    for (PendingMove& pending : batch.pending) {
        batch.moves.push_back(std::move(pending.move));
    }
    if (worker_ != nullptr) {
        look_ = worker_->take_freed() || look_;
        batch.claim = look_ ? worker_->claim(under_way_ ? under_way_->batch.claim : nullptr) : nullptr;
        look_ = look_ && batch.claim == nullptr;
    }
    return batch;
}

Result<store::ExchangeReply> Loop::send(const Batch& batch) {
    return ask([&batch](store::Store& store) { return store.exchange(batch.request()); });
}

void Loop::exchange() {
    if (under_way_ && !arrived_ && !worth_overlapping()) {
        return;
    }
    Batch batch = next_batch();
    if (!batch.moves.empty()) {
        send_last_progress(batch.pending);
        KHALA_FAILPOINT("ack.before_send");
    }
    if (may_overlap(batch)) {
        begin(std::move(batch));
        return;
    }
    land();
    if (batch.empty()) {
        return;
    }
    Millis asked = lease_now();
    auto reply = send(batch);
    if (!reply && is_refusal(reply.error().code) && !batch.groups.empty()) {
        insert_one_by_one(batch);
        if (batch.empty()) {
            return;
        }
        asked = lease_now();
        reply = send(batch);
    }
    if (!reply) {
        on_failure(batch, reply.error());
        return;
    }
    on_success(batch, std::move(reply).value(), asked);
}

// One of several callers handed in what the store refuses: nobody else is to suffer for it.
void Loop::insert_one_by_one(Batch& batch) {
    for (std::size_t i = 0; i < batch.groups.size(); ++i) {
        auto reply = ask([&](store::Store& store) {
            return store.exchange({.inserts = std::span{&batch.groups[i], 1}, .moves = {}, .claim = nullptr});
        });
        if (reply) {
            on_inserted(batch.insertions[i], Answer{std::move(reply->inserts.front())});
        } else {
            on_inserted(batch.insertions[i], reply.error());
        }
    }
    batch.groups.clear();
    batch.insertions.clear();
}

bool Loop::survives(const Error& error) {
    using enum ErrorCode;
    if (fatal_) {
        return false;
    }
    if (error.code == denied) {
        // Rights are given, and passwords changed, by people: a worker waits a while for them.
        denied_since_ms_ = denied_since_ms_ != kNever ? denied_since_ms_ : lease_now();
        if (worker_ == nullptr || lease_now() - denied_since_ms_ < kDeniedMs) {
            return true;
        }
    }
    const bool may_serve_again = error.code == store_full || error.code == busy || error.code == io ||
                                 error.code == interrupted || error.code == unavailable ||
                                 error.code == unknown_outcome;
    if (!may_serve_again) {
        fatal_ = error;
    }
    return may_serve_again;
}

void Loop::on_failure(Batch& batch, const Error& error) {
    const bool had_insertions = !batch.insertions.empty();
    for (const Insertion& insertion : batch.insertions) {
        on_inserted(insertion, error);
    }
    for (std::size_t i = 0; i < batch.pending.size(); ++i) {
        batch.pending[i].move = std::move(batch.moves[i]);
    }
    // The reaper finds its leases again; what ended here, and strays, must not be forgotten. Not even when the lease is
    // over: whoever cannot reach the store cannot see whether anybody has taken the job meanwhile, and nobody has where
    // the store was away for everyone.
    std::erase_if(batch.pending,
                  [](const PendingMove& pending) { return pending.delivery == nullptr && !pending.stray; });
    moves_.insert(moves_.begin(), std::make_move_iterator(batch.pending.begin()),
                  std::make_move_iterator(batch.pending.end()));
    strays_ = strays_ || (batch.claim != nullptr && error.code == ErrorCode::unknown_outcome);
    look_ = look_ || batch.claim != nullptr;
    if (!survives(error)) {
        return;
    }
    // New jobs may be what the store has no room for: without them at once, then ever more patiently.
    if (!had_insertions) {
        backoff_ms_ = std::clamp(2 * backoff_ms_, kBackoffFirstMs, kBackoffMostMs);
        retry_ms_ = lease_now() + backoff_ms_;
    }
}

void Loop::on_success(Batch& batch, store::ExchangeReply reply, Millis asked) {
    ++stats_.commits;
    backoff_ms_ = 0;
    denied_since_ms_ = kNever;
    if (!batch.groups.empty() || !batch.moves.empty() || !reply.leases.empty()) {
        agenda_.set(Chore::checkpoint, lease_now() + kCheckpointIdleMs);
    }
    for (std::size_t i = 0; i < batch.insertions.size(); ++i) {
        stats_.inserted += std::count(reply.inserts[i].begin(), reply.inserts[i].end(), store::Inserted::inserted);
        on_inserted(batch.insertions[i], Answer{std::move(reply.inserts[i])});
    }
    const bool look = look_;
    for (std::size_t i = 0; i < batch.pending.size(); ++i) {
        batch.pending[i].move = std::move(batch.moves[i]);
        on_moved(batch.pending[i], reply.moves[i]);
    }
    note_swept(reply);
    if (batch.claim == nullptr) {
        return;
    }
    note_due(reply.next_due_at);
    stats_.claims += static_cast<std::int64_t>(reply.leases.size());
    // A sweep was cut short: of the overdue, or of the due, which shows where nothing was leased and yet there is more.
    const bool cut =
        reply.expired.size() >= static_cast<std::size_t>(store::kSweepCount) || (reply.more && reply.leases.empty());
    look_ = look || cut;  // what the moves made ready was there for this claim
    if (!reply.leases.empty()) {
        last_traffic_ms_ = lease_now();
    }
    if (!reply.leases.empty() && lease_now() >= asked + options_.lease_ms) {
        // The answer took as long as the leases last: others may run these jobs by now.
        reply.leases.clear();
        strays_ = true;
    }
    worker_->accept(std::move(reply.leases), *batch.claim);
}

void Loop::on_inserted(const Insertion& insertion, Result<Answer> answer) {
    inbox_->forget(insertion.jobs, insertion.bytes);
    outbox_.reply(insertion.from, std::move(answer));
    if (!inbox_->full()) {
        for (const Address& waiter : space_waiters_) {
            outbox_.reply(waiter, Answer{});
        }
        space_waiters_.clear();
    }
}

void Loop::on_moved(const PendingMove& pending, store::Moved answer) {
    const store::Move& move = pending.move;
    if (answer == store::Moved::lost || answer == store::Moved::missing) {
        if (pending.delivery != nullptr) {
            ++stats_.lost;
            outbox_.add(worker_->port(), Lost{.id = move.id, .token = move.token});
        }
        return;
    }
    if (pending.delivery != nullptr) {
        ++stats_.settles;
    } else {
        ++stats_.reaped;
    }
    if (answer == store::Moved::applied && move.to == store::State::scheduled) {
        note_due(move.due_at);
    }
    look_ = look_ || move.to == store::State::ready;
    if (!watchers_.awaits(move.id)) {
        return;
    }
    // What this engine knows of the job is the whole truth unless somebody else had a say (whoever cancelled it knows
    // why), or it has only part of the row (the reaper's leases) or an older state of its progress.
    const bool is_ours = answer == store::Moved::applied && move.to != store::State::cancelled;
    if (is_ours && job::is_closed(move.to) && pending.delivery != nullptr && !pending.had_progress) {
        const store::Lease& lease = pending.delivery->lease();
        store::JobRow row{.ref = lease.ref, .job = lease.job, .standing = lease.standing, .history = {}};
        store::apply(move, row.standing);
        watchers_.found(move.id, std::move(row));
    } else {
        watchers_.want(move.id);
    }
}

// A run that ends between two renewals must not lose what it said last.
void Loop::send_last_progress(const std::vector<PendingMove>& moves) {
    std::vector<store::Renewal> renewals;
    for (const PendingMove& pending : moves) {
        if (pending.progress) {
            const store::Lease& lease = pending.delivery->lease();
            renewals.push_back(
                {.ref = lease.ref, .id = lease.job.id, .token = lease.standing.token, .progress = pending.progress});
        }
    }
    if (!renewals.empty()) {
        // Only informative: a failure shows in the transaction that follows.
        static_cast<void>(ask([&](store::Store& store) { return store.renew(renewals, 0); }));
    }
}

// --- questions --------------------------------------------------------------------------------------------------

void Loop::answer_questions() {
    const Millis until = now_ + kAnswersMs;
    while (!questions_.empty() && !fatal_) {
        const Asked asked = std::move(questions_.front());
        questions_.pop_front();
        auto result = ask([&](store::Store& store) { return answer(store, asked.question); });
        after_answer(asked.question, result);
        outbox_.reply(asked.from, std::move(result));
        if (lease_now() >= until) {
            return;
        }
    }
}

// A change made by a question may concern jobs that run here, wait here, or are watched here.
void Loop::after_answer(const Question& question, const Result<Answer>& result) {
    if (!is_write(question) || !result) {
        return;
    }
    agenda_.set(Chore::checkpoint, lease_now() + kCheckpointIdleMs);
    look_ = true;
    if (const auto* manage = std::get_if<ManageJobs>(&question)) {
        const auto& verdicts = std::get<std::vector<store::Managed>>(result.value());
        std::vector<std::string> stopping;
        for (std::size_t i = 0; i < manage->ids.size(); ++i) {
            if (verdicts[i] == store::Managed::requested) {
                stopping.push_back(manage->ids[i]);
            }
            watchers_.want(manage->ids[i]);
        }
        if (worker_ != nullptr && !stopping.empty()) {
            worker_->cancel(stopping, moves_);
        }
    } else if (std::holds_alternative<PruneJobs>(question)) {
        watchers_.want_all();
    }
}

void Loop::look_at_watched() {
    if (!watchers_.wanting() || fatal_) {
        return;
    }
    const std::vector<std::string> ids = watchers_.take_wanted(kLookupIds);
    if (ids.empty()) {
        return;
    }
    auto rows = ask([&](store::Store& store) { return store.get(ids, false); });
    if (!rows) {
        return;  // the look of the next second tries again
    }
    // Where no worker has room, or none runs, nobody else closes what is overdue.
    std::set<std::string> overdue;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        std::optional<store::JobRow>& row = (*rows)[i];
        if (row && job::is_overdue(row->job, row->standing, wall_now())) {
            overdue.insert(row->job.queue);
        }
        watchers_.found(ids[i], std::move(row));
    }
    if (!overdue.empty() && now_ >= retry_ms_) {
        sweep(overdue);
    }
}

void Loop::note_swept(store::ExchangeReply& reply) {
    for (const std::string& id : reply.expired) {
        watchers_.want(id);
    }
    for (store::JobRow& row : reply.damaged) {
        ++stats_.damaged;
        const std::string id = row.job.id;
        watchers_.found(id, std::move(row));
    }
}

// Has the store close what is overdue in these queues, and in the worker's.
void Loop::sweep(const std::set<std::string>& queues) {
    store::Claim claim;
    if (worker_ != nullptr) {
        claim = worker_->sweep(queues);
    } else {
        claim.worker = "nobody";  // takes nothing
        claim.lease_ms = options_.lease_ms;
        for (const std::string& queue : queues) {
            claim.queues.push_back({.queue = queue, .limit = 0});
        }
    }
    auto reply =
        ask([&claim](store::Store& store) { return store.exchange({.inserts = {}, .moves = {}, .claim = &claim}); });
    if (!reply) {
        static_cast<void>(survives(reply.error()));
        return;
    }
    note_swept(*reply);
    agenda_.set(Chore::checkpoint, lease_now() + kCheckpointIdleMs);
    if (reply->more) {  // it was cut short
        agenda_.set_sooner(Chore::look, now_);
        last_traffic_ms_ = now_;
    }
}

}  // namespace khala::engine
