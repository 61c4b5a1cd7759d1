// The lifecycle of a job: one table of legal moves and the pure functions that pick among them.
//
// Everything that decides what becomes of a job lives here: retry, back-off, dead letters, snooze, release,
// blame for dead workers, cancellation. Handler failure and lost lease go through the same function. No store, no
// engine and no binding repeats any of it; the diagram in the docs is generated from the table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/rng.hpp"
#include "base/time.hpp"
#include "job/move.hpp"

namespace khala::job {

// --- The table ------------------------------------------------------------------------------------------------
// Why a job may go from one state to another.
enum class Cause : std::uint8_t {
    enqueue,
    due,
    claim,
    done,
    fail,
    retry,
    snooze,
    cancel,
    release,
    lapse,
    crash,
    expire,
    park,
    announce,
    unblock,
    damage,
    requeue,  // an operator sends a closed, scheduled or parked job back
};
[[nodiscard]] std::string_view name(Cause cause) noexcept;

struct Transition {
    State from;  // of an enqueue: the same as `to`, the job is born there
    State to;
    Cause cause;

    friend bool operator==(const Transition&, const Transition&) = default;
};

// The whole table, in reading order. Golden: tests and the generated diagram read it from here.
[[nodiscard]] std::span<const Transition> transitions() noexcept;
[[nodiscard]] bool is_legal(State from, State to) noexcept;
[[nodiscard]] bool is_legal(State from, State to, Cause cause) noexcept;
// Mermaid stateDiagram-v2 text of the table.
[[nodiscard]] std::string diagram();

// Why this move is made, for event logs: each legal move has exactly one cause in the table.
[[nodiscard]] Cause cause(const Move& move) noexcept;

// --- The decision ---------------------------------------------------------------------------------------------
struct Limits {
    int max_crashes = 3;  // a job that brought down this many workers is quarantined
};

// Closed jobs stay until ended_at + result_ttl_ms; dead letters (failed, quarantined) at least this long, whatever
// their ttl, since somebody has to look at them.
inline constexpr Millis kDeadLetterTtlMs = 30 * base::kDayMs;

// What becomes of `lease`. Pure: time and randomness are parameters. `now` is UTC ms of the store's clock.
//
// * attempt counts starts. A claim has already counted this one; Release and Snooze give it back, Lapsed before
//   the handler was entered does too.
// * failures counts runs that ended by the handler's own doing; retries are left while failures <= max_retries.
//   RetryAfter spends the same budget and is not asked which error it was.
// * Lapsed: died && !explained && started: suspect; and if it ran as the suspect, one crash more; at
//   limits.max_crashes quarantined. Otherwise ready again at once, without blame.
// * A requested cancellation wins over everything but Done and Damaged (heed_cancel below).
// * Done clears suspect.
// Unroutable, Overdue and Damaged need no lease: `lease.standing.state` says where the job is. An outcome that has no
// legal move from there is a programming error (asserted).
[[nodiscard]] Move decide(const Lease& lease, Outcome outcome, Millis now, Rng& rng, const Limits& limits = {});

// How many failures of this job its policy still answers with another run; at 0 the next one is final.
[[nodiscard]] int retries_left(const Lease& lease);

// The holder decides with what it knew; a cancellation may have been requested since. `current` is how the job stands
// when the move reaches it; the store applies what this returns. A job that was asked to stop becomes cancelled
// instead of failing, waiting or running again; a Done result is kept, a damaged row stays quarantined.
[[nodiscard]] Move heed_cancel(Move move, const Standing& current, Millis result_ttl_ms);

// --- The moves nobody's outcome causes ------------------------------------------------------------------------
// A scheduled job that is due, a parked one whose task is announced. Its place in line and due_at stay.
[[nodiscard]] Move ready_move(const Lease& lease, Millis now);

// Not started by expires_at: true makes it Overdue's turn. Only jobs that never started expire.
[[nodiscard]] bool is_overdue(const NewJob& job, const Standing& standing, Millis now) noexcept;

// Management verbs; nullopt where the table has no such move. A running job is not cancelled but asked to stop
// (Standing::cancel_requested and reason), which is not a move. `requeue` restores the budget: failures, crashes and
// snoozes start at 0, attempt goes on counting, a suspect stays one.
[[nodiscard]] std::optional<Move> cancel_move(const Lease& lease, std::string_view reason, std::string_view actor,
                                              Millis now);
[[nodiscard]] std::optional<Move> requeue_move(const Lease& lease, std::string_view reason, std::string_view actor,
                                               Millis now);

// "cancelled by ops: too slow"; parts that are empty are left out. At most kReasonBytes, cut at a character's edge.
[[nodiscard]] std::string reason_text(std::string_view what, std::string_view actor, std::string_view reason);

}  // namespace khala::job
