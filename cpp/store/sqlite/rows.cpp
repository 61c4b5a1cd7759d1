#include "store/sqlite/rows.hpp"

#include "base/checksum.hpp"

namespace khala::store::sqlite {
namespace {

using job::Standing;

std::int64_t as_integer(std::uint64_t sum) noexcept {
    return static_cast<std::int64_t>(sum);
}

Status read_name(Terms& terms, Term number, std::string& text) {
    KHALA_TRY_ASSIGN(const std::string* found, terms.text(number));
    text = found != nullptr ? *found : std::string{};
    return {};
}

// The columns that `live` and `closed` share.
Status read_standing(Statement& row, Terms& terms, StandingRow& out) {
    Standing& standing = out.standing;
    int column = 0;
    const auto integer = [&] { return row.integer(column++); };
    const auto number = [&] { return static_cast<int>(row.integer(column++)); };
    const auto text = [&] { return row.text(column++); };
    out.ref = integer();
    out.queue = integer();
    out.task = integer();
    standing.state = job::state_from(integer()).value_or(State::quarantined);
    standing.order_key = integer();
    standing.due_at = integer();
    standing.attempt = number();
    standing.failures = number();
    standing.snoozes = number();
    standing.crashes = number();
    standing.suspect = integer() != 0;
    standing.cancel_requested = integer() != 0;
    standing.token = integer();
    out.worker = integer();
    standing.lease_until = integer();
    standing.started_at = integer();
    standing.closed_at = integer();
    standing.keep_until = integer();
    standing.result = text();
    standing.error = text();
    standing.reason = text();
    standing.progress_count = integer();
    standing.progress_total = integer();
    standing.progress_message = text();
    const auto stored = static_cast<std::uint64_t>(integer());
    KHALA_TRY(read_name(terms, out.worker, standing.worker));
    out.damage = stored ^ checksum(out);
    return {};
}

template <typename... Further>
Status write_standing(Statement& statement, const StandingRow& row, const Further&... further) {
    const Standing& standing = row.standing;
    return statement
        .bind(row.ref, row.queue, row.task, static_cast<std::int64_t>(standing.state), standing.order_key,
              standing.due_at, standing.attempt, standing.failures, standing.snoozes, standing.crashes,
              standing.suspect, standing.cancel_requested, standing.token, row.worker, standing.lease_until,
              standing.started_at, standing.closed_at, standing.keep_until, standing.result, standing.error,
              standing.reason, standing.progress_count, standing.progress_total, standing.progress_message,
              stored_checksum(row), further...)
        .run();
}

}  // namespace

std::int64_t id_hash(std::string_view id) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint32_t>(base::hash_bytes(id)));
}

std::uint64_t checksum(const AskedKey& key, const NewJob& job) noexcept {
    return base::Checksum{}
        .integer(key.ref)
        .text(job.id)
        .text(job.queue)
        .text(job.task)
        .text(job.payload)
        .integer(job.priority)
        .integer(job.run_at)
        .integer(job.expires_at)
        .integer(job.soft_timeout_ms)
        .integer(job.hard_timeout_ms)
        .text(job.retry)
        .integer(job.result_ttl_ms)
        .integer(job.task_version)
        .integer(job.nominal_at)
        .text(job.correlation_id)
        .text(job.headers)
        .text(job.tenant)
        .text(job.unique_key)
        .text(job.concurrency_key)
        .text(job.rate_key)
        .text(job.parent_id)
        .text(job.schedule_id)
        .integer(key.enqueued_at)
        .digest();
}

std::uint64_t checksum(const StandingRow& row) noexcept {
    const Standing& standing = row.standing;
    return base::Checksum{}
        .integer(row.ref)
        .integer(row.queue)
        .integer(row.task)
        .integer(static_cast<std::int64_t>(standing.state))
        .integer(standing.order_key)
        .integer(standing.due_at)
        .integer(standing.attempt)
        .integer(standing.failures)
        .integer(standing.snoozes)
        .integer(standing.crashes)
        .integer(standing.suspect)
        .integer(standing.token)
        .text(standing.worker)
        .integer(standing.started_at)
        .integer(standing.closed_at)
        .integer(standing.keep_until)
        .text(standing.result)
        .text(standing.error)
        .text(standing.reason)
        .digest();
}

std::int64_t stored_checksum(const StandingRow& row) noexcept {
    return as_integer(checksum(row) ^ row.damage);
}

Status read_asked(Statement& row, int first, Terms& terms, Detail detail, AskedRow& out) {
    NewJob& job = out.job;
    int column = first;
    const auto integer = [&] { return row.integer(column++); };
    const auto text = [&] { return row.text(column++); };
    const auto skip = [&] { ++column; };
    out.key.ref = integer();
    job.id = text();
    out.key.queue = integer();
    out.key.task = integer();
    detail == Detail::full ? static_cast<void>(job.payload = text()) : skip();
    job.priority = static_cast<int>(integer());
    job.run_at = integer();
    job.expires_at = integer();
    job.soft_timeout_ms = integer();
    job.hard_timeout_ms = integer();
    out.key.retry = integer();
    job.result_ttl_ms = integer();
    job.task_version = static_cast<int>(integer());
    job.nominal_at = integer();
    job.correlation_id = text();
    detail == Detail::full ? static_cast<void>(job.headers = text()) : skip();
    job.tenant = text();
    job.unique_key = text();
    job.concurrency_key = text();
    job.rate_key = text();
    job.parent_id = text();
    job.schedule_id = text();
    out.key.enqueued_at = integer();
    const auto stored = static_cast<std::uint64_t>(integer());
    KHALA_TRY(read_name(terms, out.key.queue, job.queue));
    KHALA_TRY(read_name(terms, out.key.task, job.task));
    KHALA_TRY(read_name(terms, out.key.retry, job.retry));
    out.damaged = detail == Detail::full && stored != checksum(out.key, job);
    if (detail == Detail::brief) {
        job.payload.clear();
        job.headers.clear();  // not "{}", its value when nobody says otherwise
    }
    return {};
}

Status insert_asked(Statement& insert, const AskedKey& key, const NewJob& job) {
    return insert
        .bind(key.ref, job.id, key.queue, key.task, job.payload, job.priority, job.run_at, job.expires_at,
              job.soft_timeout_ms, job.hard_timeout_ms, key.retry, job.result_ttl_ms, job.task_version, job.nominal_at,
              job.correlation_id, job.headers, job.tenant, job.unique_key, job.concurrency_key, job.rate_key,
              job.parent_id, job.schedule_id, key.enqueued_at, as_integer(checksum(key, job)))
        .run();
}

Status read_live(Statement& row, Terms& terms, StandingRow& out) {
    constexpr int kHolder = 25;
    constexpr int kExpiresAt = 26;
    constexpr int kIdHash = 27;
    KHALA_TRY(read_standing(row, terms, out));
    out.holder = row.integer(kHolder);
    out.expires_at = row.integer(kExpiresAt);
    out.id_hash = row.integer(kIdHash);
    return {};
}

Status read_closed(Statement& row, Terms& terms, StandingRow& out) {
    constexpr int kEndedHere = 25;
    constexpr int kCpuMs = 26;
    constexpr int kPeakMemoryBytes = 27;
    KHALA_TRY(read_standing(row, terms, out));
    out.ended_here = row.integer(kEndedHere) != 0;
    out.cpu_ms = row.integer(kCpuMs);
    out.peak_memory_bytes = row.integer(kPeakMemoryBytes);
    return {};
}

Status insert_live(Statement& insert, const StandingRow& row) {
    return write_standing(insert, row, row.holder, row.expires_at, row.id_hash);
}

Status update_live(Statement& update, const StandingRow& row) {
    return write_standing(update, row, row.holder);
}

Status update_leased(Statement& lease, const StandingRow& row) {
    const Standing& standing = row.standing;
    return lease
        .bind(row.ref, standing.attempt, standing.token, row.worker, standing.lease_until, standing.started_at,
              stored_checksum(row), row.holder)
        .run();
}

Status insert_closed(Statement& insert, const StandingRow& row) {
    return write_standing(insert, row, row.ended_here, row.cpu_ms, row.peak_memory_bytes);
}

}  // namespace khala::store::sqlite
