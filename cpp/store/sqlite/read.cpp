#include "store/sqlite/read.hpp"

#include <algorithm>
#include <utility>

#include "store/query.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

// min() of no rows is NULL, read as 0.
Result<Millis> oldest(Statement& statement, Term queue) {
    Rows rows{statement.bind(queue)};
    const Millis at = rows.next() ? statement.integer(0) : 0;
    KHALA_TRY(rows.finish());
    return at;
}

Result<QueueCounts> count_queue(Core& core, Term number, std::string name) {
    QueueCounts counts;
    counts.queue = std::move(name);
    {
        Statement& statement = core.statements.read_queue;
        Rows rows{statement.bind(number)};
        if (rows.next()) {
            counts.settings.paused = statement.integer(0) != 0;
            counts.settings.max_length = statement.integer(1);
            counts.settings.ageing_ms = statement.integer(2);
            counts.settings.defaults = statement.text(3);
            counts.settings.log_moves = statement.integer(4) != 0;
        }
        KHALA_TRY(rows.finish());
    }
    {
        Statement& statement = core.statements.read_tally;
        Rows rows{statement.bind(number)};
        while (rows.next()) {
            if (const auto state = job::state_from(statement.integer(0))) {
                counts.by_state[static_cast<std::size_t>(*state)] = statement.integer(1);
            }
        }
        KHALA_TRY(rows.finish());
    }
    KHALA_TRY_ASSIGN(const Millis ready, oldest(core.statements.oldest_ready, number));
    KHALA_TRY_ASSIGN(const Millis suspect, oldest(core.statements.oldest_suspect, number));
    counts.oldest_ready_at = ready == 0 || suspect == 0 ? std::max(ready, suspect) : std::min(ready, suspect);
    return counts;
}

}  // namespace

namespace {

// A closed job whose row does not hold is shown as what it would be set apart as if it were to run again: nobody is to
// take its result for what a handler returned. A job that still waits is set apart by the claim that comes upon it.
void hide_damage(const AskedRow& asked, StandingRow& row) {
    if ((asked.damaged || row.damage != 0) && job::is_closed(row.standing.state)) {
        row.standing.state = State::quarantined;
        row.standing.reason = kDamageReason;
        row.standing.result.clear();
    }
}

}  // namespace

Result<std::optional<JobRow>> read_job(Core& core, Ref ref, bool with_history) {
    AskedRow asked;
    StandingRow row;
    KHALA_TRY_ASSIGN(const bool was_asked, find_asked(core, ref, Detail::full, asked));
    KHALA_TRY_ASSIGN(const bool stands, find_standing(core, ref, row));
    if (!was_asked || !stands) {
        return std::optional<JobRow>{};
    }
    std::vector<job::Attempt> history;
    if (with_history) {
        KHALA_TRY_ASSIGN(history, read_history(core, row));
    }
    row.standing.enqueued_at = asked.key.enqueued_at;
    hide_damage(asked, row);
    return std::optional{JobRow{ref, std::move(asked.job), std::move(row.standing), std::move(history)}};
}

Result<std::vector<std::optional<JobRow>>> get(Core& core, std::span<const std::string> ids, bool with_history) {
    std::vector<std::optional<JobRow>> reply;
    reply.reserve(ids.size());
    for (const std::string& id : ids) {
        KHALA_TRY_ASSIGN(const Ref ref, find_ref(core, id));
        std::optional<JobRow> row;
        if (ref != 0) {
            KHALA_TRY_ASSIGN(row, read_job(core, ref, with_history));
        }
        reply.push_back(std::move(row));
    }
    return reply;
}

Result<std::vector<QueueCounts>> counts(Core& core, const std::string& queue) {
    std::vector<Term> numbers;
    {
        Statement& statement = core.statements.read_queues;
        Rows rows{statement};
        while (rows.next()) {
            numbers.push_back(statement.integer(0));
        }
        KHALA_TRY(rows.finish());
    }
    std::vector<QueueCounts> reply;
    for (const Term number : numbers) {
        KHALA_TRY_ASSIGN(const std::string* name, core.terms->text(number));
        if (name != nullptr && (queue.empty() || queue == *name)) {
            KHALA_TRY_ASSIGN(QueueCounts counts, count_queue(core, number, *name));
            reply.push_back(std::move(counts));
        }
    }
    std::ranges::sort(reply, {}, &QueueCounts::queue);
    return reply;
}

Result<std::vector<TaskCounters>> task_counters(Core& core) {
    std::vector<TaskCounters> reply;
    std::vector<Term> numbers;
    {
        Statement& row = core.statements.read_tasks;
        Rows rows{row};
        while (rows.next()) {
            numbers.push_back(row.integer(0));
            reply.push_back({"", row.integer(1), row.integer(2), row.integer(3), row.integer(4), row.integer(5),
                             row.integer(6), row.integer(7)});
        }
        KHALA_TRY(rows.finish());
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        KHALA_TRY_ASSIGN(const std::string* name, core.terms->text(numbers[i]));
        reply[i].task = name != nullptr ? *name : std::string{};
    }
    std::erase_if(reply, [](const TaskCounters& counters) { return counters.runs == 0; });
    std::ranges::sort(reply, {}, &TaskCounters::task);
    return reply;
}

Result<std::vector<Event>> events(Core& core, const std::string& queue, std::int64_t after, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kListPage)));
    KHALA_TRY_ASSIGN(const Term number, core.terms->find(queue));
    std::vector<Event> reply;
    Statement& row = core.statements.read_events;
    Rows rows{row.bind(number, after, limit)};
    while (rows.next()) {
        Event& event = reply.emplace_back();
        event.sequence = row.integer(0);
        event.at = row.integer(1);
        event.queue = queue;
        event.job_id = row.text(2);
        event.name = row.text(3);
        event.actor = row.text(4);
        event.detail = row.text(5);
    }
    KHALA_TRY(rows.finish());
    return reply;
}

Result<std::vector<Store::OutboxRow>> outbox(Core& core, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    std::vector<Store::OutboxRow> reply;
    Statement& row = core.statements.read_outbox;
    Rows rows{row.bind(limit)};
    while (rows.next()) {
        Store::OutboxRow& entry = reply.emplace_back();
        entry.number = row.integer(0);
        entry.id = row.text(1);
        entry.token = row.integer(2);
        entry.entry.target = row.text(3);
        entry.entry.body = row.text(4);
    }
    KHALA_TRY(rows.finish());
    return reply;
}

}  // namespace khala::store::sqlite
