#include "store/redis/record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/limits.hpp"
#include "job/state.hpp"
#include "store/apply.hpp"
#include "store/redis/codec.hpp"

namespace khala::store::redis {
namespace {

using job::Attempt;
using job::Ending;
using job::Standing;

constexpr std::size_t kRefDigits = 13;
constexpr unsigned kSuspect = 1;
constexpr unsigned kAsked = 2;
constexpr unsigned kHasAttempt = 4;
constexpr unsigned kOwnError = 8;
constexpr std::int64_t kAsBorn = -1;
constexpr char kAttemptMark = '\xff';  // no state has this number

Error damaged(std::string_view id, std::string_view what) {
    return Error{ErrorCode::corrupt, "job " + std::string{id}, std::string{what} + " cannot be read"};
}

void append_head(std::string& out, const Standing& standing, unsigned flags) {
    append_raw(out, static_cast<std::uint8_t>(standing.state));
    append_raw(out, static_cast<std::uint8_t>(flags));
    append_raw(out, static_cast<std::uint32_t>(standing.attempt));
    append_raw(out, static_cast<std::uint32_t>(standing.failures));
    append_raw(out, static_cast<std::uint32_t>(standing.snoozes));
    append_raw(out, static_cast<std::uint32_t>(standing.crashes));
}

std::string ref_text(Ref ref) {
    std::string digits = std::to_string(ref);
    return std::string(kRefDigits - std::min(digits.size(), kRefDigits), '0') + digits;
}

std::optional<Ref> ref_from(std::string_view digits) {
    Ref ref = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), ref);
    return failure == std::errc{} && end == digits.data() + digits.size() ? std::optional{ref} : std::nullopt;
}

bool is_ending(std::uint8_t number) noexcept {
    return number <= static_cast<std::uint8_t>(Ending::crashed);
}

}  // namespace

Result<Record> decode_record(std::string_view bytes, std::string_view id) {
    Record record;
    Standing& standing = record.standing;
    Taker take{bytes};
    const auto state = job::state_from(std::int64_t{take.raw<std::uint8_t>()});
    const unsigned flags = take.raw<std::uint8_t>();
    standing.attempt = static_cast<int>(take.raw<std::uint32_t>());
    standing.failures = static_cast<int>(take.raw<std::uint32_t>());
    standing.snoozes = static_cast<int>(take.raw<std::uint32_t>());
    standing.crashes = static_cast<int>(take.raw<std::uint32_t>());
    const auto ref = ref_from(take.text(kRefDigits));
    standing.order_key = take.number();
    standing.token = take.number();
    standing.started_at = take.number();
    record.holder = take.number();
    standing.due_at = take.number();
    standing.lease_until = take.number();
    standing.closed_at = take.number();
    standing.keep_until = take.number();
    record.ended_at = take.number();
    record.cpu_ms = take.number();
    record.peak_memory_bytes = take.number();
    const auto ending = take.raw<std::uint8_t>();
    record.number = static_cast<int>(take.raw<std::uint32_t>());
    standing.progress_count = take.raw<std::int64_t>();
    standing.progress_total = take.raw<std::int64_t>();
    const auto queue = take.raw<std::uint8_t>();
    const auto task = take.raw<std::uint8_t>();
    const auto worker = take.raw<std::uint8_t>();
    const auto message = take.raw<std::uint16_t>();
    const auto error = take.raw<std::uint32_t>();
    const auto result = take.raw<std::uint32_t>();
    const auto reason = take.raw<std::uint16_t>();
    record.queue = take.text(queue);
    record.task = take.text(task);
    standing.worker = take.text(worker);
    standing.progress_message = take.text(message);
    standing.error = take.text(error);
    standing.result = take.text(result);
    standing.reason = take.text(reason);
    if (!take.at_end() || !state || !ref || !is_ending(ending)) {
        return damaged(id, "its record");
    }
    standing.state = *state;
    standing.suspect = (flags & kSuspect) != 0;
    standing.cancel_requested = (flags & kAsked) != 0;
    record.ref = *ref;
    record.due_as_born = standing.due_at == kAsBorn;
    record.ending = static_cast<Ending>(ending);
    record.has_attempt = (flags & kHasAttempt) != 0;
    record.own_error = (flags & kOwnError) != 0;
    return record;
}

std::string encode_record(const Record& record) {
    const Standing& standing = record.standing;
    std::string out;
    append_head(out, standing,
                (standing.suspect ? kSuspect : 0) | (standing.cancel_requested ? kAsked : 0) |
                    (record.has_attempt ? kHasAttempt : 0) | (record.own_error ? kOwnError : 0));
    out += ref_text(record.ref);
    append_double(out, standing.order_key);
    append_double(out, standing.token);
    append_double(out, standing.started_at);
    append_double(out, record.holder);
    append_double(out, record.due_as_born ? kAsBorn : standing.due_at);
    append_double(out, standing.lease_until);
    append_double(out, standing.closed_at);
    append_double(out, standing.keep_until);
    append_double(out, record.ended_at);
    append_double(out, record.cpu_ms);
    append_double(out, record.peak_memory_bytes);
    append_raw(out, static_cast<std::uint8_t>(record.ending));
    append_raw(out, static_cast<std::uint32_t>(record.number));
    append_raw(out, standing.progress_count);
    append_raw(out, standing.progress_total);
    append_raw(out, static_cast<std::uint8_t>(record.queue.size()));
    append_raw(out, static_cast<std::uint8_t>(record.task.size()));
    append_raw(out, static_cast<std::uint8_t>(standing.worker.size()));
    append_raw(out, static_cast<std::uint16_t>(standing.progress_message.size()));
    append_raw(out, static_cast<std::uint32_t>(standing.error.size()));
    append_raw(out, static_cast<std::uint32_t>(standing.result.size()));
    append_raw(out, static_cast<std::uint16_t>(standing.reason.size()));
    out += record.queue + record.task + standing.worker + standing.progress_message + standing.error;
    return out + standing.result + standing.reason;
}

std::string member_of(Ref ref, std::string_view id) {
    return ref_text(ref).append(id);
}

std::string encode_head(const Standing& standing, bool ended, bool own_error) {
    std::string out;
    append_head(out, standing,
                (standing.suspect ? kSuspect : 0) | (ended ? kHasAttempt : 0) | (own_error ? kOwnError : 0));
    return out;
}

std::string encode_attempt_end(const Move& move) {
    std::string out;
    if (move.ending != Ending::none) {
        append_double(out, move.ended_at);
        append_double(out, move.cpu_ms);
        append_double(out, move.peak_memory_bytes);
        append_raw(out, static_cast<std::uint8_t>(move.ending));
    }
    return out;
}

std::string encode_progress(const Progress& progress) {
    std::string out;
    append_raw(out, progress.count);
    append_raw(out, progress.total);
    return out;
}

JobRow make_row(NewJob job, const Born& born, const Record& record) {
    JobRow row;
    row.ref = record.ref;
    row.standing = record.standing;
    row.standing.enqueued_at = born.at;
    if (record.due_as_born) {
        row.standing.due_at = newborn(job, born.order_key, born.at).due_at;
    }
    row.job = std::move(job);
    return row;
}

Result<JobRow> decode_row(const StoredJob& stored, std::string_view record) {
    KHALA_TRY_ASSIGN(NewJob job, decode_job(stored));
    KHALA_TRY_ASSIGN(const Born born, decode_born(stored));
    KHALA_TRY_ASSIGN(const Record decoded, decode_record(record, stored.id));
    return make_row(std::move(job), born, decoded);
}

bool decode_readable(const StoredJob& stored, std::string_view record, Record& decoded, JobRow& row) {
    auto job = decode_job(stored);
    const auto born = decode_born(stored);
    auto read = decode_record(record, stored.id);
    const bool has_job = job.ok();
    const bool has_record = read.ok();
    const std::string fault = has_record ? "" : read.error().message;
    decoded = has_record ? *std::move(read) : Record{};
    NewJob known = has_job ? *std::move(job) : NewJob{};
    if (!has_job) {
        known.id = stored.id;
        known.queue = decoded.queue;
        known.task = decoded.task;
        known.payload = "null";
        known.headers = "{}";
    }
    if (!has_record) {
        decoded.queue = known.queue;
        decoded.task = known.task;
        decoded.ref = born ? born->ref : 0;
        decoded.standing.state = State::quarantined;
        decoded.standing.reason = fault;
    }
    row = make_row(std::move(known), born ? *born : Born{}, decoded);
    return has_job && has_record && born.ok();
}

Attempt latest_attempt(const Record& record) {
    Attempt attempt = running_attempt(record.standing);
    attempt.number = record.number;
    if (record.ending != Ending::none) {
        attempt.outcome = job::name(record.ending);
        attempt.ended_at = record.ended_at;
        attempt.error = record.own_error ? record.standing.error : "";
        attempt.cpu_ms = record.cpu_ms;
        attempt.peak_memory_bytes = record.peak_memory_bytes;
    }
    return attempt;
}

std::string encode_attempt(const Attempt& attempt) {
    std::string out{kAttemptMark};
    append_raw(out, static_cast<std::int32_t>(attempt.number));
    for (const std::int64_t value :
         {attempt.started_at, attempt.ended_at, attempt.cpu_ms, attempt.peak_memory_bytes, attempt.token}) {
        append_raw(out, value);
    }
    for (const std::string* text : {&attempt.worker, &attempt.outcome, &attempt.error, &attempt.result}) {
        append_raw(out, static_cast<std::uint32_t>(text->size()));
        out += *text;
    }
    return out;
}

Result<Attempt> decode_attempt(std::string_view bytes, std::string_view id) {
    if (!bytes.starts_with(kAttemptMark)) {
        KHALA_TRY_ASSIGN(const Record record, decode_record(bytes, id));
        return latest_attempt(record);
    }
    Attempt attempt;
    Taker take{bytes.substr(1)};
    attempt.number = take.raw<std::int32_t>();
    for (std::int64_t* value :
         {&attempt.started_at, &attempt.ended_at, &attempt.cpu_ms, &attempt.peak_memory_bytes, &attempt.token}) {
        *value = take.raw<std::int64_t>();
    }
    for (std::string* text : {&attempt.worker, &attempt.outcome, &attempt.error, &attempt.result}) {
        *text = take.text(take.raw<std::uint32_t>());
    }
    return take.at_end() ? Result<Attempt>{std::move(attempt)} : damaged(id, "its history");
}

std::vector<Attempt> full_history(std::span<const Reply> list, const Record& record, std::string_view id) {
    std::vector<Attempt> history;
    for (const Reply& element : list) {
        if (auto attempt = decode_attempt(element.text(), id)) {  // a damaged one is missing; the job is what it is
            history.push_back(*std::move(attempt));
        }
    }
    if (record.has_attempt) {
        history.push_back(latest_attempt(record));
    }
    // Notes follow the attempt that they belong to, which may have come into the list after them.
    std::ranges::stable_sort(history, {}, [](const Attempt& attempt) {
        return std::pair{attempt.token, attempt.started_at == 0 && attempt.outcome.starts_with("late ")};
    });
    // A claim that the server refused half way has written one down already.
    history.erase(std::unique(history.begin(), history.end()), history.end());
    if (history.size() > kHistoryCount) {
        history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(kHistoryCount));
    }
    return history;
}

}  // namespace khala::store::redis
