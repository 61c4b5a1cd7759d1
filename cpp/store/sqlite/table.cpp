#include "store/sqlite/table.hpp"

#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/plant.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"

namespace khala::store::sqlite {
namespace {

using job::Attempt;
using job::Ending;

// The attempt that the row itself tells of: the one that runs, or that completed the job.
std::optional<Attempt> attempt_of(const StandingRow& row) {
    if (row.standing.state == State::running) {
        return running_attempt(row.standing);
    }
    if (!row.ended_here) {
        return std::nullopt;
    }
    Attempt attempt = running_attempt(row.standing);
    attempt.ended_at = row.standing.closed_at;
    attempt.outcome = job::name(Ending::completed);
    attempt.cpu_ms = row.cpu_ms;
    attempt.peak_memory_bytes = row.peak_memory_bytes;
    return attempt;
}

// Whether attempt_of() the closed row would tell all that this attempt has to.
bool is_told_by_row(const Move& move, const StandingRow& before) {
    return move.ending == Ending::completed && move.to == State::completed && move.error.empty() &&
           move.attempt == before.standing.attempt;
}

Status end_attempt(Write& write, const StandingRow& before, const Move& move, bool told_by_row) {
    KHALA_TRY_ASSIGN(TaskCounters* const counters, write.counters(before.task));
    count_attempt(*counters, move, before.standing);
    if (told_by_row || (KHALA_PLANT(sqlite_history_lost) && !job::is_closed(move.to))) {
        return {};
    }
    KHALA_FAILPOINT("fail.mid");
    return add_history(write, before.ref, ended_attempt(move, before.standing));
}

Status store_standing(Write& write, const StandingRow& row, bool was_closed, bool closes, Place place) {
    Statements& sql = write.sql();
    if (!was_closed && !closes) {
        return update_live(sql.update_live, row);
    }
    if (place == Place::in_table) {
        KHALA_TRY((was_closed ? sql.delete_closed : sql.delete_live).bind(row.ref).run());
    }
    return closes ? insert_closed(sql.insert_closed, row) : insert_live(sql.insert_live, row);
}

void note(Write& write, const StandingRow& row) {
    const State state = row.standing.state;
    if (job::is_closed(state)) {
        write.note_closed();
    } else if (state == State::ready) {
        write.note_ready(row.ref, row.queue, row.task, row.standing.suspect);
    } else if (state == State::scheduled) {
        write.note_scheduled(row.standing.due_at, row.queue, row.task);
    }
}

// What a closed job's row told of its last attempt goes where history is kept.
Status reopen(Write& write, StandingRow& row) {
    if (const auto told = attempt_of(row)) {
        KHALA_TRY(add_history(write, row.ref, *told));
    }
    row.ended_here = false;
    row.cpu_ms = 0;
    row.peak_memory_bytes = 0;
    AskedRow asked;
    KHALA_TRY_ASSIGN(const bool found, find_asked(write.core(), row.ref, Detail::brief, asked));
    if (found) {
        row.expires_at = asked.job.expires_at;
        row.id_hash = id_hash(asked.job.id);
    }
    return {};
}

}  // namespace

// --- Finding --------------------------------------------------------------------------------------------------

Result<bool> find_asked(Core& core, Ref ref, Detail detail, AskedRow& out) {
    Rows rows{core.statements.read_job.bind(ref)};
    if (rows.next()) {
        KHALA_TRY(read_asked(core.statements.read_job, 0, *core.terms, detail, out));
        return true;
    }
    KHALA_TRY(rows.finish());
    return false;
}

Result<bool> find_live(Core& core, Ref ref, StandingRow& out) {
    Rows rows{core.statements.read_live.bind(ref)};
    if (rows.next()) {
        KHALA_TRY(read_live(core.statements.read_live, *core.terms, out));
        return true;
    }
    KHALA_TRY(rows.finish());
    return false;
}

Result<bool> find_closed(Core& core, Ref ref, StandingRow& out) {
    Rows rows{core.statements.read_closed.bind(ref)};
    if (rows.next()) {
        KHALA_TRY(read_closed(core.statements.read_closed, *core.terms, out));
        return true;
    }
    KHALA_TRY(rows.finish());
    return false;
}

Result<bool> find_standing(Core& core, Ref ref, StandingRow& out) {
    KHALA_TRY_ASSIGN(const bool live, find_live(core, ref, out));
    return live ? Result<bool>{true} : find_closed(core, ref, out);
}

Status read_live_jobs(Core& core, Ref first, Ref last, std::vector<LiveJob>& out) {
    Statement& statement = core.statements.read_both;
    Rows rows{statement.bind(first, last)};
    while (rows.next()) {
        LiveJob& job = out.emplace_back();
        KHALA_TRY(read_live(statement, *core.terms, job.row));
        KHALA_TRY(read_asked(statement, kLiveColumns, *core.terms, Detail::full, job.asked));
    }
    return rows.finish();
}

Result<Ref> find_ref(Core& core, const std::string& id) {
    Statement& statement = core.statements.find_job;
    Rows rows{statement.bind(id)};
    const Ref ref = rows.next() ? statement.integer(0) : 0;
    KHALA_TRY(rows.finish());
    return ref;
}

Result<std::vector<Attempt>> read_history(Core& core, const StandingRow& row) {
    std::vector<Attempt> history;
    Statement& statement = core.statements.read_attempts;
    {
        Rows rows{statement.bind(row.ref)};
        while (rows.next()) {
            Attempt& attempt = history.emplace_back();
            attempt.token = statement.integer(0);
            attempt.number = static_cast<int>(statement.integer(2));
            attempt.started_at = statement.integer(3);
            attempt.ended_at = statement.integer(4);
            KHALA_TRY_ASSIGN(const std::string* worker, core.terms->text(statement.integer(5)));
            attempt.worker = worker != nullptr ? *worker : std::string{};
            attempt.outcome = statement.text(6);
            attempt.error = statement.text(7);
            attempt.cpu_ms = statement.integer(8);
            attempt.peak_memory_bytes = statement.integer(9);
            attempt.result = statement.text(10);
        }
        KHALA_TRY(rows.finish());
    }
    if (auto told = attempt_of(row)) {
        add_attempt(history, *std::move(told));
    }
    return history;
}

Result<Lease> slim_lease(Core& core, const StandingRow& row) {
    AskedRow asked;
    KHALA_TRY_ASSIGN(const bool found, find_asked(core, row.ref, Detail::brief, asked));
    if (!found) {
        return Error{ErrorCode::corrupt, "job", "row " + std::to_string(row.ref) + " of live has none in job"};
    }
    Lease lease{row.ref, std::move(asked.job), row.standing};
    lease.standing.enqueued_at = asked.key.enqueued_at;
    return lease;
}

// --- Changing -------------------------------------------------------------------------------------------------

Status apply_move(Write& write, StandingRow& row, const Move& move, Logging logging, Place place) {
    KHALA_TRY_ASSIGN(QueueRow* const queue, write.queue(row.queue));
    const bool was_closed = job::is_closed(row.standing.state);
    const bool ends_attempt = move.ending != Ending::none;
    const bool told_by_row = is_told_by_row(move, row);
    if (ends_attempt) {
        KHALA_TRY(end_attempt(write, row, move, told_by_row));
    }
    if (logging == Logging::by_queue && is_logged(queue->settings, job::cause(move), move.to)) {
        KHALA_TRY(write.log(*queue, move_event(move, queue->name, ends_attempt ? row.standing.worker : std::string{})));
    }
    if (was_closed) {
        KHALA_TRY(reopen(write, row));
    }
    queue->count(row.standing.state, -1);
    apply(move, row.standing);
    queue->count(row.standing.state, 1);
    if (KHALA_PLANT(sqlite_retry_rekeyed) && ends_attempt && !job::is_closed(move.to)) {
        KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write.core(), row));
        row.standing.order_key = order_key(queue->settings, lease.job.priority, ++write.head().sequence, write.now());
    }
    row.holder = 0;
    if (move.to == State::quarantined) {
        row.damage = 0;  // whatever it was has been noticed
    }
    if (told_by_row) {
        row.ended_here = true;
        row.cpu_ms = move.cpu_ms;
        row.peak_memory_bytes = move.peak_memory_bytes;
    }
    KHALA_TRY(store_standing(write, row, was_closed, job::is_closed(move.to), place));
    for (const job::OutboxEntry& entry : move.outbox) {
        write.head().outbox += 1;
        KHALA_TRY(
            write.sql().insert_outbox.bind(write.head().outbox, move.id, move.token, entry.target, entry.body).run());
    }
    note(write, row);
    return {};
}

Result<JobRow> quarantine_damaged(Write& write, StandingRow& row, NewJob job) {
    AskedRow asked;
    KHALA_TRY_ASSIGN(const bool found, find_asked(write.core(), row.ref, Detail::brief, asked));
    row.standing.enqueued_at = found ? asked.key.enqueued_at : 0;
    Rng unused{0};
    const Lease lease{row.ref, job, row.standing};
    const Move move = job::decide(lease, job::Damaged{kDamageReason}, write.now(), unused);
    KHALA_TRY(apply_move(write, row, move, Logging::by_queue));
    return JobRow{row.ref, std::move(job), row.standing, {}};
}

Status add_history(Write& write, Ref ref, const Attempt& attempt) {
    Statements& sql = write.sql();
    std::int64_t entries = 0;
    // 0 is the attempt itself, even when its notes came before it: a row of `closed` may have told of it until now.
    const bool is_note = is_late_note(attempt);
    std::int64_t entry = is_note ? 1 : 0;
    {
        Rows rows{sql.count_attempts.bind(ref, attempt.token)};
        if (rows.next()) {
            entries = sql.count_attempts.integer(0);
            const bool has_any = !sql.count_attempts.is_null(1);
            if (has_any && (is_note || sql.count_attempts.integer(1) == 0)) {
                entry = sql.count_attempts.integer(2) + 1;
            }
        }
        KHALA_TRY(rows.finish());
    }
    KHALA_TRY_ASSIGN(const Term worker, write.terms().intern(attempt.worker));
    KHALA_TRY(sql.insert_attempt
                  .bind(ref, attempt.token, entry, attempt.number, attempt.started_at, attempt.ended_at, worker,
                        attempt.outcome, attempt.error, attempt.cpu_ms, attempt.peak_memory_bytes, attempt.result)
                  .run());
    if (entries + 1 > static_cast<std::int64_t>(kHistoryCount)) {
        KHALA_TRY(sql.delete_oldest_attempt.bind(ref).run());
    }
    return {};
}

Status remove_job(Write& write, const StandingRow& row, const std::string& id) {
    Statements& sql = write.sql();
    KHALA_TRY_ASSIGN(QueueRow* const queue, write.queue(row.queue));
    queue->count(row.standing.state, -1);
    KHALA_TRY((job::is_closed(row.standing.state) ? sql.delete_closed : sql.delete_live).bind(row.ref).run());
    KHALA_TRY(sql.delete_attempts.bind(row.ref).run());
    KHALA_TRY(sql.delete_job.bind(row.ref).run());
    if (KHALA_PLANT(sqlite_tombstone_lost)) {
        return {};
    }
    return sql.bury.bind(id, write.now() + kClosedIdMs).run();
}

}  // namespace khala::store::sqlite
