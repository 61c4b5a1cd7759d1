#include "store/apply.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

#include "base/limits.hpp"
#include "base/plant.hpp"
#include "job/order_key.hpp"

namespace khala::store {
namespace {

using job::Attempt;
using job::Ending;
using job::Standing;

constexpr std::string_view kLate = "late ";
constexpr std::string_view kRunning = "running";

// A release that comes late gives back what is already taken; a reaper's move was not sent by the holder.
bool brings_news(Ending ending) noexcept {
    switch (ending) {
        case Ending::completed:
        case Ending::failed:
        case Ending::timed_out:
        case Ending::retried:
        case Ending::snoozed:
        case Ending::cancelled: return true;
        case Ending::none:
        case Ending::released:
        case Ending::lapsed:
        case Ending::crashed: return false;
    }
    return false;
}

bool is_failure(Ending ending) noexcept {
    switch (ending) {
        case Ending::failed:
        case Ending::timed_out:
        case Ending::retried:
        case Ending::crashed: return true;
        case Ending::none:
        case Ending::completed:
        case Ending::snoozed:
        case Ending::cancelled:
        case Ending::released:
        case Ending::lapsed: return false;
    }
    return false;
}

std::string noted_result(const std::string& result) {
    if (result.size() <= job::kLateResultBytes) {
        return result;
    }
    return "{\"omitted_bytes\":" + std::to_string(result.size()) + "}";
}

}  // namespace

std::int64_t order_key(const QueueSettings& queue, int priority, std::int64_t sequence, Millis enqueued_at) noexcept {
    return queue.ageing_ms > 0 ? job::ageing_order_key(priority, enqueued_at, queue.ageing_ms)
                               : job::strict_order_key(priority, sequence);
}

Standing newborn(const NewJob& job, std::int64_t order_key, Millis now) {
    Standing standing;
    standing.state = job.run_at > now ? State::scheduled : State::ready;
    standing.order_key = order_key;
    standing.enqueued_at = now;
    standing.due_at = std::max(job.run_at, now);
    return standing;
}

bool is_importable(const JobRow& row) noexcept {
    return row.standing.state != State::running &&
           std::none_of(row.history.begin(), row.history.end(),
                        [](const Attempt& attempt) { return attempt.outcome == kRunning; });
}

Token latest_token(const JobRow& row) noexcept {
    Token latest = row.standing.token;
    for (const Attempt& attempt : row.history) {
        latest = std::max(latest, attempt.token);
    }
    return latest;
}

void start_lease(Standing& standing, Token token, const std::string& worker, Millis now, Millis lease_until) {
    assert(standing.state == State::ready);
    standing.state = State::running;
    standing.attempt += KHALA_PLANT(attempt_at_settle) ? 0 : 1;
    standing.token = token;
    standing.worker = worker;
    standing.started_at = now;
    standing.lease_until = lease_until;
    standing.reason.clear();
    standing.progress_count = 0;
    standing.progress_total = 0;
    standing.progress_message.clear();
}

bool fits(const Move& move, const Standing& standing) noexcept {
    if (move.from != standing.state) {
        return false;
    }
    if (move.from != State::running) {
        return true;
    }
    if (move.token != standing.token && !KHALA_PLANT(missing_fence)) {
        return false;
    }
    return move.lease_until == 0 || move.lease_until == standing.lease_until || KHALA_PLANT(renewed_lease_taken);
}

void apply(const Move& move, Standing& standing) {
    const bool closes = job::is_closed(move.to);
    standing.state = move.to;
    standing.attempt = move.attempt + (KHALA_PLANT(attempt_at_settle) && move.ending != Ending::none ? 1 : 0);
    standing.failures = move.failures;
    standing.snoozes = move.snoozes;
    standing.crashes = move.crashes;
    standing.suspect = move.suspect;
    standing.cancel_requested = false;
    standing.lease_until = 0;
    if (!closes) {
        standing.due_at = move.due_at;
    }
    standing.closed_at = closes ? move.ended_at : 0;
    standing.keep_until = closes ? move.keep_until : 0;
    standing.result = move.to == State::completed ? move.result : std::string{};
    if (move.to == State::completed) {
        standing.error.clear();
    } else if (!move.error.empty()) {
        standing.error = move.error;
    }
    standing.reason = move.reason;
}

Attempt running_attempt(const Standing& standing) {
    Attempt attempt;
    attempt.number = standing.attempt;
    attempt.started_at = standing.started_at;
    attempt.worker = standing.worker;
    attempt.outcome = kRunning;
    attempt.token = standing.token;
    return attempt;
}

Attempt ended_attempt(const Move& move, const Standing& before) {
    assert(move.ending != Ending::none);
    Attempt attempt = running_attempt(before);
    attempt.ended_at = move.ended_at;
    attempt.outcome = job::name(move.ending);
    attempt.error = move.error;
    attempt.cpu_ms = move.cpu_ms;
    attempt.peak_memory_bytes = move.peak_memory_bytes;
    return attempt;
}

Late examine_late(const Move& move, const std::vector<Attempt>& history) {
    assert(move.from == State::running);
    const std::string_view ending = job::name(move.ending);
    const std::string late = std::string{kLate}.append(ending);
    Attempt note;
    note.number = move.attempt;
    for (const Attempt& attempt : history) {
        if (attempt.token != move.token) {
            continue;
        }
        const bool same_end = attempt.ended_at == move.ended_at;
        if (same_end && attempt.outcome == ending) {
            return {.repeated = true, .note = std::nullopt};
        }
        if (same_end && attempt.outcome == late) {
            return {};
        }
        note.number = attempt.number;
        note.worker = attempt.worker;
    }
    if (!brings_news(move.ending) || KHALA_PLANT(late_note_dropped)) {
        return {};
    }
    note.token = move.token;
    note.ended_at = move.ended_at;
    note.outcome = late;
    note.error = move.error;
    note.result = noted_result(move.result);
    note.cpu_ms = move.cpu_ms;
    note.peak_memory_bytes = move.peak_memory_bytes;
    return {.repeated = false, .note = std::move(note)};
}

bool is_late_note(const Attempt& attempt) noexcept {
    return attempt.outcome.starts_with(kLate);
}

void add_attempt(std::vector<Attempt>& history, Attempt attempt) {
    const bool is_note = is_late_note(attempt);
    const auto after = std::partition_point(history.begin(), history.end(), [&](const Attempt& other) {
        return other.token < attempt.token || (other.token == attempt.token && (is_note || !is_late_note(other)));
    });
    history.insert(after, std::move(attempt));
    if (history.size() > kHistoryCount && !KHALA_PLANT(history_unbounded)) {
        history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(kHistoryCount));
    }
}

void count_attempt(TaskCounters& counters, const Move& move, const Standing& before) noexcept {
    const bool given_back = move.attempt < before.attempt;
    if (move.ending == Ending::none || given_back) {
        return;
    }
    counters.runs += 1;
    counters.last_run_at = move.ended_at;
    counters.duration_sum_ms += std::max<Millis>(move.ended_at - before.started_at, 0);
    if (move.ending == Ending::completed) {
        counters.completed += 1;
        counters.consecutive_failures = KHALA_PLANT(counters_forget_streak) ? counters.consecutive_failures : 0;
    } else if (is_failure(move.ending)) {
        counters.failures += 1;
        counters.consecutive_failures += 1;
        counters.last_failure_at = move.ended_at;
    }
}

}  // namespace khala::store
