#include "store/sqlite/insert.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/plant.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

// The numbers of the names that the jobs of one call share; looked up again only when a name changes.
class Names {
public:
    explicit Names(Write& write) noexcept : write_{write} {}

    [[nodiscard]] Status look_up(const NewJob& job) {
        if (queue == nullptr || queue->name != job.queue) {
            KHALA_TRY_ASSIGN(queue, write_.queue(job.queue));
        }
        KHALA_TRY(look_up(job.task, task_text_, task));
        return look_up(job.retry, retry_text_, retry);
    }

    QueueRow* queue = nullptr;
    Term task = 0;
    Term retry = 0;

private:
    Status look_up(std::string_view text, std::string_view& known, Term& number) {
        if (text != known) {
            KHALA_TRY_ASSIGN(number, write_.terms().intern(text));
            known = text;  // lives in the request
        }
        return {};
    }

    Write& write_;
    std::string_view task_text_;
    std::string_view retry_text_;
};

// Whether an id was used by a job that is gone.
class Tombstones {
public:
    explicit Tombstones(Write& write) noexcept : write_{write} {}

    [[nodiscard]] Result<bool> holds(const std::string& id) {
        if (!any_) {
            Rows rows{write_.sql().any_tombstone};
            any_ = rows.next();
            KHALA_TRY(rows.finish());
        }
        if (!*any_) {
            return false;
        }
        Statement& statement = write_.sql().find_tombstone;
        Rows rows{statement.bind(id)};
        const bool holds = rows.next() && statement.integer(0) > write_.now();
        KHALA_TRY(rows.finish());
        return holds;
    }

private:
    Write& write_;
    std::optional<bool> any_;
};

// False when the id is there already.
Result<bool> insert_row(Write& write, Names& names, const NewJob& job, StandingRow& row) {
    KHALA_TRY(names.look_up(job));
    Head& head = write.head();
    job::Standing& standing = row.standing;
    row.ref = head.ref + 1;
    row.queue = names.queue->number;
    row.task = names.task;
    row.expires_at = job.expires_at;
    row.id_hash = id_hash(job.id);
    standing.order_key = order_key(names.queue->settings, job.priority, head.sequence + 1, standing.enqueued_at);
    const AskedKey key{row.ref, row.queue, row.task, names.retry, standing.enqueued_at};
    KHALA_TRY(insert_asked(write.sql().insert_job, key, job));
    if (write.core().connection.changes() == 0) {
        return false;
    }
    head.ref += 1;
    head.sequence += 1;
    const bool closed = job::is_closed(standing.state);
    KHALA_TRY(closed ? insert_closed(write.sql().insert_closed, row) : insert_live(write.sql().insert_live, row));
    names.queue->count(standing.state, 1);
    if (standing.state == State::ready) {
        write.note_ready(row.ref, row.queue, row.task, standing.suspect);
    } else if (standing.state == State::scheduled) {
        write.note_scheduled(standing.due_at, row.queue, row.task);
    }
    return true;
}

Result<Inserted> insert_job(Write& write, Names& names, const NewJob& job, const std::string& actor) {
    StandingRow row;
    row.standing = newborn(job, 0, write.now());
    KHALA_TRY_ASSIGN(const bool inserted, insert_row(write, names, job, row));
    if (!inserted) {
        return Inserted::exists;
    }
    if (is_logged(names.queue->settings, job::Cause::enqueue, State::ready)) {
        KHALA_TRY(write.log(*names.queue, enqueue_event(job, false, actor, write.now())));
    }
    return Inserted::inserted;
}

Result<Inserted> import_row(Write& write, Names& names, const JobRow& imported, const std::string& actor) {
    StandingRow row;
    row.standing = imported.standing;
    row.standing.lease_until = 0;
    row.standing.cancel_requested = false;
    KHALA_TRY_ASSIGN(row.worker, write.terms().intern(imported.standing.worker));
    KHALA_TRY_ASSIGN(const bool inserted, insert_row(write, names, imported.job, row));
    if (!inserted) {
        return Inserted::exists;
    }
    write.head().token = std::max(write.head().token, latest_token(imported));
    for (const job::Attempt& attempt : imported.history) {
        KHALA_TRY(add_history(write, row.ref, attempt));
    }
    if (is_logged(names.queue->settings, job::Cause::enqueue, row.standing.state)) {
        KHALA_TRY(write.log(*names.queue, enqueue_event(imported.job, true, actor, write.now())));
    }
    return Inserted::inserted;
}

// Says what becomes of each job of a group that may be spoiled, before anything is written.
class Judge {
public:
    Judge(Write& write, Tombstones& tombstones) noexcept : write_{write}, tombstones_{tombstones} {}

    // `counts`: against the queue's length.
    [[nodiscard]] Status judge(const NewJob& job, bool counts, bool importable) {
        KHALA_TRY_ASSIGN(const Inserted verdict, verdict_on(job, counts, importable));
        if (verdict == Inserted::inserted) {
            ids_.insert(job.id);
            queued_[job.queue] += counts ? 1 : 0;
        }
        spoiled_ = spoiled_ || verdict == Inserted::full || verdict == Inserted::refused;
        verdicts.push_back(verdict);
        return {};
    }
    [[nodiscard]] bool spoiled() const noexcept { return spoiled_; }

    std::vector<Inserted> verdicts;

private:
    Result<Inserted> verdict_on(const NewJob& job, bool counts, bool importable) {
        KHALA_TRY_ASSIGN(const Ref ref, find_ref(write_.core(), job.id));
        if (ref != 0 || ids_.contains(job.id)) {
            return Inserted::exists;
        }
        KHALA_TRY_ASSIGN(const bool gone, tombstones_.holds(job.id));
        if (gone) {
            return Inserted::exists;
        }
        if (!importable) {
            return Inserted::refused;
        }
        KHALA_TRY_ASSIGN(QueueRow* const queue, write_.find_queue(job.queue));
        if (!counts || queue == nullptr || queue->settings.max_length == 0) {
            return Inserted::inserted;
        }
        KHALA_TRY_ASSIGN(const std::int64_t length, write_.length(*queue));
        return length + queued_[job.queue] >= queue->settings.max_length ? Inserted::full : Inserted::inserted;
    }

    Write& write_;
    Tombstones& tombstones_;
    std::unordered_set<std::string_view> ids_;
    std::map<std::string_view, std::int64_t> queued_;
    bool spoiled_ = false;
};

// Whether nothing but an id seen before can keep a job of the group out.
Result<bool> cannot_be_spoiled(Write& write, const InsertGroup& group) {
    if (!group.rows.empty()) {
        return false;
    }
    std::string_view previous;
    for (const NewJob& job : group.jobs) {
        if (job.queue == previous) {
            continue;
        }
        previous = job.queue;
        KHALA_TRY_ASSIGN(const QueueRow* const queue, write.find_queue(job.queue));
        if (queue != nullptr && queue->settings.max_length > 0) {
            return false;
        }
    }
    return true;
}

Result<std::vector<Inserted>> insert_unspoiled(Write& write, const InsertGroup& group, Tombstones& tombstones) {
    std::vector<Inserted> reply;
    reply.reserve(group.jobs.size());
    Names names{write};
    for (const NewJob& job : group.jobs) {
        KHALA_TRY_ASSIGN(const bool gone, tombstones.holds(job.id));
        if (gone) {
            reply.push_back(Inserted::exists);
            continue;
        }
        KHALA_TRY_ASSIGN(const Inserted inserted, insert_job(write, names, job, group.actor));
        reply.push_back(inserted);
    }
    return reply;
}

}  // namespace

Result<std::vector<Inserted>> insert_group(Write& write, const InsertGroup& group) {
    Tombstones tombstones{write};
    KHALA_TRY_ASSIGN(const bool simple, cannot_be_spoiled(write, group));
    if (simple) {
        return insert_unspoiled(write, group, tombstones);
    }
    Judge judge{write, tombstones};
    for (const NewJob& job : group.jobs) {
        KHALA_TRY(judge.judge(job, true, true));
    }
    for (const JobRow& row : group.rows) {
        KHALA_TRY(judge.judge(row.job, !job::is_closed(row.standing.state), is_importable(row)));
    }
    Names names{write};
    for (std::size_t i = 0; i < judge.verdicts.size(); ++i) {
        if (judge.verdicts[i] != Inserted::inserted) {
            continue;
        }
        if (!judge.spoiled() || KHALA_PLANT(sqlite_group_broken)) {
            KHALA_TRY_ASSIGN(judge.verdicts[i],
                             i < group.jobs.size()
                                 ? insert_job(write, names, group.jobs[i], group.actor)
                                 : import_row(write, names, group.rows[i - group.jobs.size()], group.actor));
        }
        if (judge.spoiled()) {
            judge.verdicts[i] = Inserted::refused;
        }
    }
    return std::move(judge.verdicts);
}

}  // namespace khala::store::sqlite
