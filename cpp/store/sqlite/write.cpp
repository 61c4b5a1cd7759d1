#include "store/sqlite/write.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/failpoint.hpp"
#include "base/plant.hpp"

namespace khala::store::sqlite {
namespace {

// A lock that was held or waited for longer than this held up renewals, too.
constexpr Millis kStallMs = 500;
// A job that becomes due this soon is worth waking somebody, who may sleep until his next look otherwise.
constexpr Millis kSoonMs = 1'500;

}  // namespace

Write::Write(Core& core) noexcept : core_{core} {}

Write::~Write() {
    if (open_) {
        if (core_.connection.in_transaction()) {
            static_cast<void>(sql().rollback.run());
        }
        terms().forget();
        core_.held.clear();
    }
    core_.notice_failed_disk();
    if (held_) {
        note_stall();
    }
}

Status Write::begin() {
    KHALA_TRY(core_.check_usable());
    KHALA_TRY_ASSIGN(auto held, core_.acquire_lock());
    held_.emplace(std::move(held));
    KHALA_FAILPOINT("lock.held");
    KHALA_TRY(core_.check_usable());  // the wait may have been long
    now_ = core_.clock->wall_ms();
    lease_now_ = core_.clock->lease_ms();
    KHALA_TRY(sql().begin_write.run());
    open_ = true;
    changes_before_ = core_.connection.total_changes();
    KHALA_TRY(read_head());
    return check_high_water();
}

// A database that is behind what was committed lost something. Under an open store that can only be a backup copied
// over it, and everything known of it is void. Between two openings it may also have been a damaged log, a power cut at
// NORMAL, or a new file in the place of one that was deleted: then work goes on, but no token or ref is given out
// twice.
Status Write::check_high_water() {
    const Board::HighWater found{head_.token, head_.ref, head_.commits};
    if (found.is_behind(core_.seen)) {
        core_.fail(Error{ErrorCode::io, "path",
                         core_.location.file + " went back in time: a backup was copied over it while it was open"});
        open_ = false;
        return *core_.failure;
    }
    const Board::HighWater most = core_.board->high_water();
    if (found.is_behind(most)) {
        head_.token = std::max(head_.token, most.token);
        head_.ref = std::max(head_.ref, most.ref);
        head_.commits = std::max(head_.commits, most.commits);
    }
    return {};
}

Status Write::read_head() {
    Statement& statement = sql().read_head;
    Rows rows{statement};
    if (rows.next()) {
        head_ = {statement.integer(0), statement.integer(1), statement.integer(2), statement.integer(3),
                 statement.integer(4)};
        head_before_ = head_;
        return {};
    }
    KHALA_TRY(rows.finish());
    return Error{ErrorCode::corrupt, "head", "the store has lost its counters"};
}

Status Write::commit() {
    KHALA_TRY(flush());
    KHALA_TRY(sql().commit.run());
    open_ = false;
    terms().keep();
    core_.commits += 1;
    core_.seen = {head_.token, head_.ref, head_.commits};
    core_.board->raise_high_water(core_.seen);
    core_.checkpoint_if_long();
    note_stall();
    held_.reset();
    ring();
    return {};
}

Status Write::flush() {
    for (QueueRow& queue : queues_) {
        KHALA_TRY(flush_queue(queue));
    }
    for (const TaskRow& task : tasks_) {
        const TaskCounters& c = task.counters;
        KHALA_TRY(sql()
                      .write_task
                      .bind(task.number, c.runs, c.completed, c.failures, c.consecutive_failures, c.duration_sum_ms,
                            c.last_run_at, c.last_failure_at)
                      .run());
    }
    // A transaction that changed nothing writes nothing: idle workers look every second.
    if (head_ != head_before_ || core_.connection.total_changes() != changes_before_) {
        head_.commits += 1;
        KHALA_TRY(sql().write_head.bind(head_.ref, head_.sequence, head_.token, head_.outbox, head_.commits).run());
    }
    return {};
}

Status Write::flush_queue(QueueRow& queue) const {
    for (std::size_t state = 0; state < job::kStateCount; ++state) {
        const bool forgotten = KHALA_PLANT(sqlite_tally_forgotten) &&
                               state == static_cast<std::size_t>(State::running) && queue.delta[state] < 0;
        if (queue.delta[state] != 0 && !forgotten) {
            KHALA_TRY(sql().add_tally.bind(queue.number, static_cast<std::int64_t>(state), queue.delta[state]).run());
        }
    }
    if (queue.events != queue.events_before) {
        KHALA_TRY(sql().delete_event.bind(queue.number, queue.events - kEventCount).run());
    }
    if (queue.settings_changed || queue.events != queue.events_before) {
        const QueueSettings& s = queue.settings;
        KHALA_TRY(sql()
                      .write_queue
                      .bind(queue.number, s.paused, s.max_length, s.ageing_ms, s.defaults, s.log_moves, queue.events)
                      .run());
    }
    return {};
}

// --- Queues and tasks -----------------------------------------------------------------------------------------

Result<QueueRow*> Write::load_queue(Term number, std::string_view name, bool make) {
    const auto cached = std::ranges::find(queues_, number, &QueueRow::number);
    if (cached != queues_.end()) {
        return &*cached;
    }
    Statement& statement = sql().read_queue;
    QueueRow row;
    row.number = number;
    row.name = name;
    bool found = false;
    {
        Rows rows{statement.bind(number)};
        if (rows.next()) {
            found = true;
            row.settings.paused = statement.integer(0) != 0;
            row.settings.max_length = statement.integer(1);
            row.settings.ageing_ms = statement.integer(2);
            row.settings.defaults = statement.text(3);
            row.settings.log_moves = statement.integer(4) != 0;
            row.events = row.events_before = statement.integer(5);
        }
        KHALA_TRY(rows.finish());
    }
    if (!found && !make) {
        return nullptr;
    }
    if (!found) {
        KHALA_TRY(sql().insert_queue.bind(number).run());
    }
    return &queues_.emplace_back(std::move(row));
}

Result<QueueRow*> Write::queue(std::string_view name) {
    KHALA_TRY_ASSIGN(const Term number, terms().intern(name));
    return load_queue(number, name, true);
}

Result<QueueRow*> Write::queue(Term number) {
    KHALA_TRY_ASSIGN(const std::string* name, terms().text(number));
    return load_queue(number, name != nullptr ? *name : std::string{}, true);
}

Result<QueueRow*> Write::find_queue(std::string_view name) {
    KHALA_TRY_ASSIGN(const Term number, terms().find(name));
    if (number == 0) {
        return nullptr;
    }
    return load_queue(number, name, false);
}

Result<std::int64_t> Write::length(QueueRow& queue) const {
    if (!queue.before) {
        auto& before = queue.before.emplace();
        Statement& statement = sql().read_tally;
        Rows rows{statement.bind(queue.number)};
        while (rows.next()) {
            if (const auto state = job::state_from(statement.integer(0))) {
                before[static_cast<std::size_t>(*state)] = statement.integer(1);
            }
        }
        KHALA_TRY(rows.finish());
    }
    std::int64_t length = 0;
    for (const State state : {State::scheduled, State::ready, State::blocked, State::parked}) {
        length += (*queue.before)[static_cast<std::size_t>(state)] + queue.delta[static_cast<std::size_t>(state)];
    }
    return length;
}

Status Write::recount() {
    for (QueueRow& queue : queues_) {
        queue.delta = {};
        queue.before.reset();
    }
    KHALA_TRY(sql().clear_tallies.run());
    return sql().recount_tallies.run();
}

Result<TaskCounters*> Write::counters(Term task) {
    const auto cached = std::ranges::find(tasks_, task, &TaskRow::number);
    if (cached != tasks_.end()) {
        return &cached->counters;
    }
    TaskCounters counters;
    Statement& statement = sql().read_task;
    {
        Rows rows{statement.bind(task)};
        if (rows.next()) {
            counters.runs = statement.integer(0);
            counters.completed = statement.integer(1);
            counters.failures = statement.integer(2);
            counters.consecutive_failures = statement.integer(3);
            counters.duration_sum_ms = statement.integer(4);
            counters.last_run_at = statement.integer(5);
            counters.last_failure_at = statement.integer(6);
        }
        KHALA_TRY(rows.finish());
    }
    tasks_.push_back({task, std::move(counters)});
    return &tasks_.back().counters;
}

Status Write::log(QueueRow& queue, const Event& event) const {
    queue.events += 1;
    return sql()
        .insert_event.bind(queue.number, queue.events, event.at, event.job_id, event.name, event.actor, event.detail)
        .run();
}

// --- Waking others --------------------------------------------------------------------------------------------

void Write::note_ready(Ref ref, Term queue, Term task, bool suspect) {
    if (!core_.bell) {
        return;
    }
    ready_count_ += 1;
    (suspect ? ready_.suspects : ready_.ready) |= interest_in(queue);
    ready_.tasks |= interest_in(task);
    if (ref <= head_before_.ref) {
        made_ready_.push_back(ref);
    }
}

void Write::note_scheduled(Millis due_at, Term queue, Term task) noexcept {
    if (due_at - now_ < kSoonMs) {
        soon_ = true;
        ready_.ready |= interest_in(queue);
        ready_.tasks |= interest_in(task);
    }
}

void Write::note_resumed(Term queue) noexcept {
    constexpr std::int64_t kEverybody = 1 << 20;
    ready_count_ += kEverybody;
    ready_.ready |= interest_in(queue);
    ready_.suspects |= interest_in(queue);
    ready_.tasks = ~Interest{0};
}

void Write::note_claimed(Ref ref) noexcept {
    if (ref > head_before_.ref || std::ranges::find(made_ready_, ref) != made_ready_.end()) {
        ready_count_ -= 1;
    }
}

void Write::ring() noexcept {
    if (!core_.bell) {
        return;
    }
    if (ready_count_ > 0 || soon_) {
        core_.bell->ring_jobs(std::max<std::int64_t>(ready_count_, 1), ready_);
    }
    if (closed_) {
        core_.bell->ring_closings();
    }
}

void Write::note_stall() noexcept {
    const Millis waited = std::chrono::duration_cast<std::chrono::milliseconds>(core_.lock->waited()).count();
    const Millis lease_now = core_.clock->lease_ms();
    const Millis stalled = std::max(waited, lease_now - lease_now_);
    if (stalled > kStallMs) {
        core_.board->set_stalled_until(lease_now + kStallGraceMs);
    }
}

}  // namespace khala::store::sqlite
