#include "store/redis/pack.hpp"

#include <limits>
#include <map>
#include <string_view>

#include "job/lifecycle.hpp"
#include "job/order_key.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

using job::Ending;
using job::Standing;

// Terms that occur once and are referred to by number, from 1.
class Kinds {
public:
    struct Kind {
        const NewJob* example;
        std::string hash;
        std::string terms;
    };

    std::size_t number(const NewJob& job) {
        if (latest_ == 0 || !same_terms(*all_[latest_ - 1].example, job)) {
            std::string terms = encode_terms(job);
            const auto [entry, is_new] = numbers_.try_emplace(terms, all_.size() + 1);
            if (is_new) {
                std::string hash = hash_of_terms(terms);
                all_.push_back({&job, std::move(hash), std::move(terms)});
            }
            latest_ = entry->second;
        }
        return latest_;
    }
    [[nodiscard]] const std::vector<Kind>& all() const noexcept { return all_; }

private:
    std::map<std::string, std::size_t> numbers_;
    std::vector<Kind> all_;
    std::size_t latest_ = 0;
};

Record record_of(const JobRow& row) {
    Record record;
    record.queue = row.job.queue;
    record.task = row.job.task;
    record.standing = row.standing;
    record.standing.lease_until = 0;
    record.standing.cancel_requested = false;
    return record;
}

void pack_row(Packer& out, const JobRow& row) {
    const Standing& standing = row.standing;
    out.array(9).text(encode_record(record_of(row))).boolean(is_importable(row));
    out.integer(static_cast<std::int64_t>(standing.state));
    out.integer(standing.state == State::scheduled ? standing.due_at : standing.closed_at);
    out.integer(standing.keep_until).integer(latest_token(row)).integer(standing.attempt);
    out.integer(standing.enqueued_at);
    std::vector<job::Attempt> history;
    for (const job::Attempt& attempt : row.history) {
        add_attempt(history, attempt);
    }
    out.array(history.size());
    for (const job::Attempt& attempt : history) {
        out.text(encode_attempt(attempt));
    }
}

constexpr std::size_t kJobValues = 4;
Status pack_job(Packer& out, const NewJob& job, const JobRow* row, Kinds& kinds) {
    const std::size_t number = kinds.number(job);
    KHALA_TRY_ASSIGN(const std::string asked, encode_asked(job, kinds.all()[number - 1].hash));
    out.text(job.id).integer(static_cast<std::int64_t>(number)).text(asked);
    if (row == nullptr && job.run_at == 0 && job.expires_at == 0) {
        out.boolean(false);
        return {};
    }
    out.array(3).integer(job.run_at).integer(job.expires_at);
    if (row == nullptr) {
        out.boolean(false);
    } else {
        pack_row(out, *row);
    }
    return {};
}

// What the layout of a record has room for; more than any limit of base/limits.hpp.
constexpr std::size_t kNameRoomBytes = std::numeric_limits<std::uint8_t>::max();
constexpr std::size_t kRetryRoomBytes = 4'096;
constexpr std::size_t kReasonRoomBytes = std::numeric_limits<std::uint16_t>::max();

Status check_text(std::string_view field, std::string_view text, std::size_t room_bytes) {
    if (text.size() > room_bytes) {
        return Error{ErrorCode::invalid_argument, std::string{field},
                     "must not have more than " + std::to_string(room_bytes) + " bytes"};
    }
    return {};
}

Status check_job(const NewJob& job) {
    if (job.queue.empty() || job.task.empty()) {
        return Error{ErrorCode::invalid_argument, job.queue.empty() ? "queue" : "task", "must not be empty"};
    }
    KHALA_TRY(check_text("queue", job.queue, kNameRoomBytes));
    KHALA_TRY(check_text("task", job.task, kNameRoomBytes));
    // As JSON a byte of it may take six; its terms must have room in the job itself.
    return check_text("retry", job.retry, kRetryRoomBytes);
}

Status check_row(const JobRow& row) {
    KHALA_TRY(check_job(row.job));
    KHALA_TRY(check_text("worker", row.standing.worker, kNameRoomBytes));
    KHALA_TRY(check_text("progress_message", row.standing.progress_message, kReasonRoomBytes));
    return check_text("reason", row.standing.reason, kReasonRoomBytes);
}

// How an attempt counts; see queues.lua.
enum class Class : std::uint8_t { none, neither, completed, failure };

Class class_of(const Move& move) {
    TaskCounters counters;
    Standing before;
    before.attempt = move.attempt;
    count_attempt(counters, move, before);
    if (counters.runs == 0) {
        return Class::none;
    }
    return counters.completed > 0 ? Class::completed : counters.failures > 0 ? Class::failure : Class::neither;
}

// How the job stands after a completion of the lease.
Record record_after(const Move& move, const Held& held, std::int64_t holder) {
    Record record;
    record.ref = held.ref;
    record.queue = held.queue;
    record.task = held.task;
    record.standing = held.standing;
    apply(move, record.standing);
    record.due_as_born = held.due_as_born;
    record.holder = holder;
    record.has_attempt = true;
    record.number = held.standing.attempt;
    record.ending = move.ending;
    record.ended_at = move.ended_at;
    record.cpu_ms = move.cpu_ms;
    record.peak_memory_bytes = move.peak_memory_bytes;
    return record;
}

std::string encode_outbox(const Move& move, const job::OutboxEntry& entry) {
    std::string out;
    append_double(out, move.token);
    for (const std::string* text : {&move.id, &entry.target, &entry.body}) {
        append_raw(out, static_cast<std::uint32_t>(text->size()));
        out += *text;
    }
    return out;
}

}  // namespace

std::optional<Moved> moved_from(char letter) noexcept {
    switch (letter) {
        case 'a': return Moved::applied;
        case 'l': return Moved::lost;
        case 'm': return Moved::missing;
        default: return std::nullopt;
    }
}

std::optional<Inserted> inserted_from(char letter) noexcept {
    switch (letter) {
        case 'i': return Inserted::inserted;
        case 'e': return Inserted::exists;
        case 'f': return Inserted::full;
        case 'r': return Inserted::refused;
        default: return std::nullopt;
    }
}

Status pack_inserts(Packer& out, std::span<const InsertGroup> groups) {
    Kinds kinds;
    Packer jobs;
    std::size_t count = 0;
    for (const InsertGroup& group : groups) {
        count += group.jobs.size() + group.rows.size();
        for (const NewJob& job : group.jobs) {
            KHALA_TRY(check_job(job));
            KHALA_TRY(pack_job(jobs, job, nullptr, kinds));
        }
        for (const JobRow& row : group.rows) {
            KHALA_TRY(check_row(row));
            KHALA_TRY(pack_job(jobs, row.job, &row, kinds));
        }
    }
    out.array(kinds.all().size());
    for (const Kinds::Kind& kind : kinds.all()) {
        const NewJob& job = *kind.example;
        out.array(6).text(job.queue).text(job.task).integer(job::strict_order_key(job.priority, 0));
        out.integer(job::ageing_order_key(job.priority, 0, 1)).text(kind.hash).text(kind.terms);
    }
    out.array(groups.size());
    for (const InsertGroup& group : groups) {
        out.array(3).text(group.actor);
        out.integer(static_cast<std::int64_t>(group.jobs.size() + group.rows.size()));
        out.boolean(group.new_ids && group.rows.empty());
    }
    out.array(count * kJobValues).splice(jobs);
    return {};
}

void pack_completions(Packer& out, std::span<const Completion> run, std::int64_t holder) {
    constexpr std::size_t kValues = 7;
    const Completion& first = run.front();
    out.array(5).boolean(false).text(first.held->queue).text(first.held->task).text(job::name(job::cause(*first.move)));
    out.array(run.size() * kValues);
    for (const auto& [move, held] : run) {
        const Record record = record_after(*move, *held, holder);
        out.text(move->id).text(member_of(held->ref, move->id)).integer(move->token).text(encode_record(record));
        out.integer(record.standing.closed_at).integer(record.standing.keep_until).integer(held->standing.started_at);
    }
}

Status pack_move(Packer& out, const Move& move, bool heeded) {
    KHALA_TRY(check_text("move.reason", move.reason, kReasonRoomBytes));
    Standing after;
    apply(move, after);
    const bool ends = move.ending != Ending::none;
    const job::Cause cause = job::cause(move);
    out.array(21).text(move.id).integer(static_cast<std::int64_t>(move.from)).integer(move.token);
    out.integer(move.lease_until).integer(static_cast<std::int64_t>(move.to));
    out.text(encode_head(after, ends, ends && !move.error.empty())).integer(move.due_at);
    out.integer(after.closed_at).integer(after.keep_until).text(encode_attempt_end(move));
    out.text(move.error).text(after.result).text(after.reason);
    out.integer(static_cast<std::int64_t>(class_of(move))).integer(move.ended_at).integer(move.attempt);
    out.boolean(after.suspect).text(job::name(cause)).boolean(is_logged(QueueSettings{}, cause, move.to));
    out.boolean(heeded);
    if (move.outbox.empty()) {
        out.boolean(false);
        return {};
    }
    out.array(move.outbox.size());
    for (const job::OutboxEntry& entry : move.outbox) {
        out.text(encode_outbox(move, entry));
    }
    return {};
}

void pack_note(Packer& out, const Note& note) {
    out.array(5).text(note.id).integer(-1).text(note.hash).text(note.repeated ? "a" : "l");
    if (!note.changes) {
        out.boolean(false);
        return;
    }
    out.array(note.history.size());
    for (const std::string& attempt : note.history) {
        out.text(attempt);
    }
}

void pack_claim(Packer& out, const Claim& claim, const ClaimTerms& terms) {
    out.array(11).text(claim.worker).integer(terms.holder).integer(claim.limit).integer(claim.lease_ms);
    out.integer(static_cast<std::int64_t>(claim.suspects));
    out.array(claim.queues.size());
    for (const QueueDemand& demand : claim.queues) {
        out.array(2).text(demand.queue).integer(demand.limit);
    }
    out.array(claim.tasks.size());
    for (const std::string& task : claim.tasks) {
        out.text(task);
    }
    out.boolean(terms.swept).boolean(terms.overdue_left).boolean(terms.rings).boolean(terms.waits);
}

}  // namespace khala::store::redis
