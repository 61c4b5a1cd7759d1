#include <algorithm>
#include <cassert>
#include <unordered_set>

#include "base/plant.hpp"
#include "store/apply.hpp"
#include "store/claim_pick.hpp"
#include "store/events.hpp"
#include "store/memory/memory_store.hpp"
#include "store/query.hpp"

namespace khala::store {

using job::Standing;
using memory::Index;

Result<ExchangeReply> MemoryStore::exchange(const Exchange& request) {
    KHALA_TRY(check_exchange(request));
    ExchangeReply reply;
    for (const InsertGroup& group : request.inserts) {
        reply.inserts.push_back(insert(group));
    }
    reply.moves.reserve(request.moves.size());
    for (const Move& move : request.moves) {
        reply.moves.push_back(settle(move));
    }
    if (request.claim != nullptr) {
        sweep(*request.claim, reply);
        claim(*request.claim, reply);
        claim_suspect(*request.claim, reply);
    }
    return reply;
}

// --- insert ---------------------------------------------------------------------------------------------------

bool MemoryStore::was_seen(const std::string& id) {
    const auto tombstone = tombstones_.find(id);
    const bool removed = tombstone != tombstones_.end() && tombstone->second > now();
    return table_.find(id) != nullptr || (removed && !KHALA_PLANT(memory_tombstone_lost));
}

// `queued_before`: jobs of the same group that go to the same queue.
Inserted MemoryStore::admit(const Queue* queue, std::int64_t queued_before) const {
    const bool bounded = queue != nullptr && queue->settings.max_length > 0;
    return bounded && queue->length() + queued_before >= queue->settings.max_length ? Inserted::full
                                                                                    : Inserted::inserted;
}

std::vector<Inserted> MemoryStore::insert(const InsertGroup& group) {
    std::vector<Inserted> verdicts;
    std::unordered_set<std::string_view> ids;
    std::map<std::string_view, std::int64_t> queued;
    bool spoiled = false;
    const auto judge = [&](const NewJob& job, bool counts, bool importable) {
        Inserted verdict = Inserted::exists;
        if (!was_seen(job.id) && !ids.contains(job.id)) {
            verdict = !importable ? Inserted::refused
                                  : admit(counts ? table_.find_queue(job.queue) : nullptr, queued[job.queue]);
        }
        if (verdict == Inserted::inserted) {
            ids.insert(job.id);
            queued[job.queue] += counts ? 1 : 0;
        }
        spoiled = spoiled || verdict == Inserted::full || verdict == Inserted::refused;
        verdicts.push_back(verdict);
    };
    for (const NewJob& job : group.jobs) {
        judge(job, true, true);
    }
    for (const JobRow& row : group.rows) {
        judge(row.job, !job::is_closed(row.standing.state), is_importable(row));
    }
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        if (verdicts[i] != Inserted::inserted) {
            continue;
        }
        if (spoiled && !KHALA_PLANT(memory_group_broken)) {
            verdicts[i] = Inserted::refused;
        } else if (i < group.jobs.size()) {
            insert_job(group.jobs[i], group.actor);
        } else {
            insert_row(group.rows[i - group.jobs.size()], group.actor);
        }
        if (spoiled) {
            verdicts[i] = Inserted::refused;
        }
    }
    return verdicts;
}

void MemoryStore::insert_job(const NewJob& job, const std::string& actor) {
    Queue& queue = table_.queue(job.queue);
    const std::int64_t key = order_key(queue.settings, job.priority, ++last_sequence_, now());
    table_.insert(job, newborn(job, key, now()));
    if (is_logged(queue.settings, job::Cause::enqueue, State::ready)) {
        log(queue, enqueue_event(job, false, actor, now()));
    }
}

void MemoryStore::insert_row(const JobRow& imported, const std::string& actor) {
    Queue& queue = table_.queue(imported.job.queue);
    Standing standing = imported.standing;
    standing.order_key =
        order_key(queue.settings, imported.job.priority, ++last_sequence_, imported.standing.enqueued_at);
    standing.lease_until = 0;
    standing.cancel_requested = false;
    last_token_ = std::max(last_token_, latest_token(imported));
    Row& row = table_.insert(imported.job, std::move(standing));
    for (const job::Attempt& attempt : imported.history) {
        add_attempt(row.history, attempt);
    }
    if (is_logged(queue.settings, job::Cause::enqueue, row.standing.state)) {
        log(queue, enqueue_event(row.job, true, actor, now()));
    }
}

// --- settle ---------------------------------------------------------------------------------------------------

Moved MemoryStore::settle(const Move& move) {
    Row* row = table_.find(move.ref, move.id);
    if (row == nullptr) {
        return Moved::missing;
    }
    if (fits(move, row->standing)) {
        if (move.from != State::running || !row->standing.cancel_requested) {
            apply_move(*row, move);
            return Moved::applied;
        }
        const Move heeded = job::heed_cancel(move, row->standing, row->job.result_ttl_ms);
        apply_move(*row, heeded);
        return heeded.to == move.to ? Moved::applied : Moved::cancelled;
    }
    if (move.from != State::running) {
        return Moved::lost;
    }
    Late late = examine_late(move, row->history);
    if (late.note) {
        add_attempt(row->history, *std::move(late.note));
    }
    if (KHALA_PLANT(memory_outbox_on_lost)) {
        for (const job::OutboxEntry& entry : move.outbox) {
            outbox_.push_back({++last_outbox_number_, row->job.id, move.token, entry});
        }
    }
    return late.repeated ? Moved::applied : Moved::lost;
}

void MemoryStore::apply_move(Row& row, const Move& move) {
    const bool ends_attempt = move.ending != job::Ending::none;
    if (ends_attempt) {
        TaskCounters& counters = counters_[row.job.task];
        counters.task = row.job.task;
        count_attempt(counters, move, row.standing);
        std::erase_if(row.history, [&](const job::Attempt& attempt) {
            return attempt.token == row.standing.token && attempt.ended_at == 0;
        });
        add_attempt(row.history, ended_attempt(move, row.standing));
    }
    if (is_logged(row.queue->settings, job::cause(move), move.to)) {
        log(*row.queue, move_event(move, row.job.queue, ends_attempt ? row.standing.worker : std::string{}));
    }
    table_.change(row, [&](Standing& standing) {
        apply(move, standing);
        if (KHALA_PLANT(memory_retry_rekeyed) && ends_attempt && !job::is_closed(move.to)) {
            standing.order_key = order_key(row.queue->settings, row.job.priority, ++last_sequence_, now());
        }
    });
    for (const job::OutboxEntry& entry : move.outbox) {
        outbox_.push_back({++last_outbox_number_, row.job.id, move.token, entry});
    }
}

// --- claim ----------------------------------------------------------------------------------------------------

void MemoryStore::sweep(const Claim& claim, ExchangeReply& reply) {
    // The first kSweepCount entries of the chosen sets, merged, whose time has come.
    const auto come = [&](auto&& set_of) {
        Index found;
        for (const QueueDemand& demand : claim.queues) {
            const Queue* queue = table_.find_queue(demand.queue);
            if (queue == nullptr) {
                continue;
            }
            int taken = 0;
            for (const auto& entry : set_of(*queue)) {
                if (entry.first > now() || taken++ == kSweepCount) {
                    break;
                }
                found.insert(entry);
            }
        }
        reply.more = reply.more || found.size() >= static_cast<std::size_t>(kSweepCount);
        while (found.size() > static_cast<std::size_t>(kSweepCount)) {
            found.erase(std::prev(found.end()));
        }
        return found;
    };
    if (!KHALA_PLANT(memory_due_never_ready)) {
        for (const auto& [due_at, ref] : come([](const Queue& queue) -> auto& { return queue.in(State::scheduled); })) {
            make_ready(table_.at(ref));
        }
    }
    if (KHALA_PLANT(memory_overdue_run)) {
        return;
    }
    Rng unused{0};
    for (const auto& [expires_at, ref] : come([](const Queue& queue) -> auto& { return queue.expiring; })) {
        Row& row = table_.at(ref);
        apply_move(row, job::decide(row.slim_lease(), job::Overdue{}, now(), unused));
        reply.expired.push_back(row.job.id);
    }
}

void MemoryStore::claim(const Claim& claim, ExchangeReply& reply) {
    const std::unordered_set<std::string_view> tasks{claim.tasks.begin(), claim.tasks.end()};
    const bool only_suspects = claim.suspects == Suspects::only;
    std::vector<QueueCandidates> queues;
    for (const QueueDemand& demand : claim.queues) {
        QueueCandidates& candidates = queues.emplace_back();
        candidates.limit = demand.limit;
        const Queue* queue = table_.find_queue(demand.queue);
        if (queue == nullptr || (queue->settings.paused && !KHALA_PLANT(memory_paused_claimed))) {
            continue;
        }
        const std::size_t wanted = candidates_wanted(demand.limit, only_suspects ? 0 : claim.limit);
        const auto offer = [&](const auto& entry) {
            const Row& row = table_.at(entry.second);
            const bool known = tasks.contains(row.job.task) || KHALA_PLANT(memory_unknown_task);
            const bool overdue = job::is_overdue(row.job, row.standing, now()) && !KHALA_PLANT(memory_overdue_run);
            if (known && !overdue) {
                candidates.ready.push_back({entry.first, entry.second});
            }
            return candidates.ready.size() < wanted;
        };
        const Index& ready = queue->in(State::ready);
        if (KHALA_PLANT(memory_wrong_end)) {
            static_cast<void>(wanted > 0 && std::all_of(ready.rbegin(), ready.rend(), offer));
        } else {
            static_cast<void>(wanted > 0 && std::all_of(ready.begin(), ready.end(), offer));
        }
    }
    const Picked picked = pick(queues, only_suspects ? 0 : claim.limit);
    for (const Candidate& candidate : picked.jobs) {
        lease(table_.at(candidate.ref), claim, reply);
    }
    reply.more = reply.more || picked.more;
}

void MemoryStore::claim_suspect(const Claim& claim, ExchangeReply& reply) {
    if (claim.suspects == Suspects::none && !KHALA_PLANT(memory_suspect_mixed)) {
        return;
    }
    const std::unordered_set<std::string_view> tasks{claim.tasks.begin(), claim.tasks.end()};
    Row* best = nullptr;
    for (const QueueDemand& demand : claim.queues) {
        Queue* queue = table_.find_queue(demand.queue);
        if (queue == nullptr || queue->settings.paused) {
            continue;
        }
        for (const auto& [key, ref] : queue->ready_suspects) {
            Row& row = table_.at(ref);
            if (!tasks.contains(row.job.task) || job::is_overdue(row.job, row.standing, now())) {
                continue;
            }
            if (best == nullptr || std::pair{key, ref} < std::pair{best->standing.order_key, best->ref}) {
                best = &row;
            }
            break;
        }
    }
    if (best != nullptr) {
        lease(*best, claim, reply);
    }
}

void MemoryStore::lease(Row& row, const Claim& claim, ExchangeReply& reply) {
    if (row.damaged) {
        Rng unused{0};
        apply_move(row, job::decide(row.slim_lease(), job::Damaged{"checksum"}, now(), unused));
        row.damaged = false;
        reply.damaged.push_back(row.copy(false));
        return;
    }
    last_token_ += KHALA_PLANT(memory_token_reused) ? 0 : 1;
    table_.change(row, [&](Standing& standing) {
        start_lease(standing, last_token_, claim.worker, now(), clock_.lease_ms() + claim.lease_ms);
    });
    add_attempt(row.history, running_attempt(row.standing));
    reply.leases.push_back(row.lease());
    if (is_logged(row.queue->settings, job::Cause::claim, State::running)) {
        log(*row.queue, claim_event(reply.leases.back()));
    }
}

}  // namespace khala::store
