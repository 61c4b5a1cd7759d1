#include "store/sqlite/manage.hpp"

#include <optional>
#include <utility>

#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"
#include "store/query.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

// Its worker is told at the next renewal.
Status request_cancel(Write& write, StandingRow& row, const std::string& reason, const std::string& actor) {
    if (row.standing.cancel_requested) {
        return {};
    }
    row.standing.cancel_requested = true;
    row.standing.reason = job::reason_text("cancelled", actor, reason);
    return update_live(write.sql().update_live, row);
}

Result<Managed> manage_one(Write& write, Verb verb, StandingRow& row, const std::string& id, const std::string& reason,
                           const std::string& actor) {
    const bool running = row.standing.state == State::running;
    if (verb == Verb::cancel && running) {
        KHALA_TRY(request_cancel(write, row, reason, actor));
        return Managed::requested;
    }
    if (verb == Verb::remove) {
        if (running) {
            return Managed::refused;
        }
        KHALA_TRY(remove_job(write, row, id));
        return Managed::done;
    }
    KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write.core(), row));
    const std::optional<Move> move = verb == Verb::cancel ? job::cancel_move(lease, reason, actor, write.now())
                                                          : job::requeue_move(lease, reason, actor, write.now());
    if (!move) {
        return Managed::refused;
    }
    KHALA_TRY(apply_move(write, row, *move, Logging::none));
    return Managed::done;
}

// Every job that is not closed gets the key that it would have if it were inserted now, in the order of enqueueing.
Status rekey(Write& write, const QueueRow& queue) {
    struct Open {
        Ref ref;
        Millis enqueued_at;
        int priority;
    };
    std::vector<Open> open;
    Statement& statement = write.sql().open_of_queue;
    {
        Rows rows{statement.bind(queue.number)};
        while (rows.next()) {
            open.push_back({statement.integer(0), statement.integer(1), static_cast<int>(statement.integer(2))});
        }
        KHALA_TRY(rows.finish());
    }
    for (const Open& job : open) {
        StandingRow row;
        KHALA_TRY_ASSIGN(const bool found, find_live(write.core(), job.ref, row));
        if (found) {
            write.head().sequence += queue.settings.ageing_ms == 0 ? 1 : 0;
            row.standing.order_key = order_key(queue.settings, job.priority, write.head().sequence, job.enqueued_at);
            KHALA_TRY(update_live(write.sql().update_live, row));
        }
    }
    return {};
}

}  // namespace

Result<std::vector<Managed>> manage(Write& write, Verb verb, std::span<const std::string> ids,
                                    const std::string& reason, const std::string& actor) {
    std::vector<Managed> reply;
    reply.reserve(ids.size());
    for (const std::string& id : ids) {
        KHALA_TRY_ASSIGN(const Ref ref, find_ref(write.core(), id));
        StandingRow row;
        bool found = false;
        if (ref != 0) {
            KHALA_TRY_ASSIGN(found, find_standing(write.core(), ref, row));
        }
        if (!found) {
            reply.push_back(Managed::missing);
            continue;
        }
        KHALA_TRY_ASSIGN(const Managed managed, manage_one(write, verb, row, id, reason, actor));
        if (managed == Managed::done || managed == Managed::requested) {
            KHALA_TRY_ASSIGN(QueueRow* const queue, write.queue(row.queue));
            KHALA_TRY(write.log(*queue, manage_event(verb, queue->name, id, reason, actor, write.now())));
        }
        reply.push_back(managed);
    }
    return reply;
}

Status change_queue(Write& write, const QueueChange& change) {
    KHALA_TRY(check_change(change));
    KHALA_TRY_ASSIGN(QueueRow* const queue, write.queue(change.queue));
    QueueSettings& settings = queue->settings;
    settings.paused = change.paused.value_or(settings.paused);
    settings.max_length = change.max_length.value_or(settings.max_length);
    settings.defaults = change.defaults.value_or(settings.defaults);
    settings.log_moves = change.log_moves.value_or(settings.log_moves);
    queue->settings_changed = true;
    if (change.ageing_ms && *change.ageing_ms != settings.ageing_ms) {
        settings.ageing_ms = *change.ageing_ms;
        KHALA_TRY(rekey(write, *queue));
    }
    for (const Event& event : change_events(change, write.now())) {
        KHALA_TRY(write.log(*queue, event));
    }
    if (change.paused && !*change.paused) {
        write.note_resumed(queue->number);
    }
    return {};
}

Status outbox_drop(Write& write, std::span<const std::int64_t> numbers) {
    for (const std::int64_t number : numbers) {
        KHALA_TRY(write.sql().delete_outbox.bind(number).run());
    }
    return {};
}

}  // namespace khala::store::sqlite
