#include <algorithm>

#include "base/limits.hpp"
#include "base/plant.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"
#include "store/memory/memory_store.hpp"
#include "store/query.hpp"

namespace khala::store {

Result<std::vector<Managed>> MemoryStore::manage(Verb verb, std::span<const std::string> ids, const std::string& reason,
                                                 const std::string& actor) {
    std::vector<Managed> reply;
    reply.reserve(ids.size());
    for (const std::string& id : ids) {
        Row* row = table_.find(id);
        if (row == nullptr) {
            reply.push_back(Managed::missing);
            continue;
        }
        Queue& queue = *row->queue;
        const Managed managed = manage_one(verb, *row, reason, actor);  // may remove the row
        if (managed == Managed::done || managed == Managed::requested) {
            log(queue, manage_event(verb, queue.name, id, reason, actor, now()));
        }
        reply.push_back(managed);
    }
    return reply;
}

Managed MemoryStore::manage_one(Verb verb, Row& row, const std::string& reason, const std::string& actor) {
    const bool running = row.standing.state == State::running;
    if (verb == Verb::cancel && running) {
        if (!row.standing.cancel_requested) {
            table_.change(row, [&](job::Standing& standing) {
                standing.cancel_requested = true;
                standing.reason = job::reason_text("cancelled", actor, reason);
            });
        }
        return Managed::requested;
    }
    if (verb == Verb::remove) {
        if (running) {
            return Managed::refused;
        }
        remove(row);
        return Managed::done;
    }
    const Lease lease = row.slim_lease();
    const std::optional<Move> move = verb == Verb::cancel ? job::cancel_move(lease, reason, actor, now())
                                                          : job::requeue_move(lease, reason, actor, now());
    if (!move) {
        return Managed::refused;
    }
    table_.change(row, [&](job::Standing& standing) { apply(*move, standing); });
    return Managed::done;
}

void MemoryStore::remove(Row& row) {
    const auto [tombstone, is_new] = tombstones_.try_emplace(row.job.id);
    if (!is_new) {
        tombstone_ends_.erase({tombstone->second, row.job.id});  // it was removed before, long ago
    }
    tombstone->second = now() + kClosedIdMs;
    tombstone_ends_.emplace(tombstone->second, row.job.id);
    table_.erase(row);
}

void MemoryStore::forget_old_ids() {
    while (!tombstone_ends_.empty() && tombstone_ends_.begin()->first <= now()) {
        tombstones_.erase(tombstone_ends_.begin()->second);
        tombstone_ends_.erase(tombstone_ends_.begin());
    }
}

Status MemoryStore::change_queue(const QueueChange& change) {
    KHALA_TRY(check_change(change));
    Queue& queue = table_.queue(change.queue);
    queue.settings.paused = change.paused.value_or(queue.settings.paused);
    queue.settings.max_length = change.max_length.value_or(queue.settings.max_length);
    queue.settings.defaults = change.defaults.value_or(queue.settings.defaults);
    queue.settings.log_moves = change.log_moves.value_or(queue.settings.log_moves);
    if (change.ageing_ms && *change.ageing_ms != queue.settings.ageing_ms) {
        queue.settings.ageing_ms = *change.ageing_ms;
        rekey(queue);
    }
    for (Event& event : change_events(change, now())) {
        log(queue, std::move(event));
    }
    return {};
}

void MemoryStore::rekey(Queue& queue) {
    std::vector<std::pair<Millis, Ref>> open;
    for (const auto& [ref, row] : table_.rows()) {
        if (row.queue == &queue && !job::is_closed(row.standing.state)) {
            open.emplace_back(row.standing.enqueued_at, ref);
        }
    }
    std::sort(open.begin(), open.end());
    for (const auto& [enqueued_at, ref] : open) {
        Row& row = table_.at(ref);
        const bool strict = queue.settings.ageing_ms == 0;
        last_sequence_ += strict ? 1 : 0;
        table_.change(row, [&, at = enqueued_at](job::Standing& standing) {
            standing.order_key = order_key(queue.settings, row.job.priority, last_sequence_, at);
        });
    }
}

// --- prune ----------------------------------------------------------------------------------------------------

Result<std::int64_t> MemoryStore::prune(const Prune& rule) {
    KHALA_TRY(check_prune(rule));
    forget_old_ids();
    const std::vector<Ref> refs = prunable(rule);
    for (const Ref ref : refs) {
        remove(table_.at(ref));
    }
    return static_cast<std::int64_t>(refs.size());
}

// At most rule.limit rows, in the order of the rule.
std::vector<Ref> MemoryStore::prunable(const Prune& rule) const {
    std::vector<Ref> refs;
    const auto has_room = [&] { return refs.size() < static_cast<std::size_t>(rule.limit); };
    if (rule.closed_before == 0 && rule.keep_count < 0) {
        const std::vector<State> states = prunable_states(rule);
        for (const auto& [keep_until, ref] : table_.keeping()) {
            if (keep_until > now() || !has_room()) {
                break;
            }
            const Row& row = table_.rows().at(ref);
            const bool wanted = std::binary_search(states.begin(), states.end(), row.standing.state);
            if (wanted && (rule.queue.empty() || rule.queue == row.job.queue)) {
                refs.push_back(ref);
            }
        }
        return refs;
    }
    memory::Index found;  // by closed_at
    for (const auto& [name, queue] : table_.queues()) {
        if (rule.queue.empty() || rule.queue == name) {
            add_prunable_of(queue, rule, found);
        }
    }
    for (auto entry = found.begin(); entry != found.end() && has_room(); ++entry) {
        refs.push_back(entry->second);
    }
    return refs;
}

void MemoryStore::add_prunable_of(const Queue& queue, const Prune& rule, memory::Index& found) const {
    for (const State state : prunable_states(rule)) {
        const memory::Index& closed = queue.in(state);
        const auto size = static_cast<std::int64_t>(closed.size());
        std::int64_t too_many = rule.keep_count < 0 ? 0 : std::max<std::int64_t>(size - rule.keep_count, 0);
        for (const auto& entry : closed) {
            if (entry.first >= rule.closed_before && too_many <= 0) {
                break;
            }
            found.insert(entry);
            --too_many;
        }
    }
}

// --- outbox ---------------------------------------------------------------------------------------------------

Result<std::vector<Store::OutboxRow>> MemoryStore::outbox(int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    const auto count = std::min(outbox_.size(), static_cast<std::size_t>(limit));
    return std::vector<OutboxRow>{outbox_.begin(), outbox_.begin() + static_cast<std::ptrdiff_t>(count)};
}

Status MemoryStore::outbox_drop(std::span<const std::int64_t> numbers) {
    std::erase_if(outbox_, [&](const OutboxRow& row) {
        return std::find(numbers.begin(), numbers.end(), row.number) != numbers.end();
    });
    return {};
}

}  // namespace khala::store
