// What births, claims and moves do to the mutable part of a job. Pure functions of values: every store runs these and
// keeps none of the rules itself, so two stores cannot differ in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "job/job.hpp"
#include "job/move.hpp"
#include "store/store.hpp"

namespace khala::store {

// `sequence` counts inserts of the namespace, from 1; used in strict queues only.
[[nodiscard]] std::int64_t order_key(const QueueSettings& queue, int priority, std::int64_t sequence,
                                     Millis enqueued_at) noexcept;

[[nodiscard]] job::Standing newborn(const NewJob& job, std::int64_t order_key, Millis now);

// An imported row may be taken: closed or waiting, and nothing in it says that it runs.
[[nodiscard]] bool is_importable(const JobRow& row) noexcept;
// The largest token a row knows.
[[nodiscard]] Token latest_token(const JobRow& row) noexcept;

void start_lease(job::Standing& standing, Token token, const std::string& worker, Millis now, Millis lease_until);

// State and, for a running job, token and lease_until are those the move was decided on.
[[nodiscard]] bool fits(const Move& move, const job::Standing& standing) noexcept;

// Precondition: fits(). The place in line (order_key) never changes.
void apply(const Move& move, job::Standing& standing);

// --- History --------------------------------------------------------------------------------------------------
// The current lease of a running job as an attempt that has not ended.
[[nodiscard]] job::Attempt running_attempt(const job::Standing& standing);
// The same, ended by a move that fits (`before`: as the job stood before it). Precondition: move.ending != none.
[[nodiscard]] job::Attempt ended_attempt(const Move& move, const job::Standing& before);

// What to do with a move from `running` that does not fit.
struct Late {
    bool repeated = false;             // it was applied before: answer `applied`
    std::optional<job::Attempt> note;  // to be added to the history; empty when there is no news or it is noted
};
// `history` is complete: with the latest attempt, running or ended.
[[nodiscard]] Late examine_late(const Move& move, const std::vector<job::Attempt>& history);

// Whether it is what a holder brought after its lease was gone.
[[nodiscard]] bool is_late_note(const job::Attempt& attempt) noexcept;
// Puts an attempt where it belongs: ascending by token; of one token the attempt itself, then the notes as they came.
// Keeps the last kHistoryCount.
void add_attempt(std::vector<job::Attempt>& history, job::Attempt attempt);

// --- Counters -------------------------------------------------------------------------------------------------
// Adds an attempt that a fitting move ended; `before` as above. Moves that end none change nothing.
void count_attempt(TaskCounters& counters, const Move& move, const job::Standing& before) noexcept;

}  // namespace khala::store
