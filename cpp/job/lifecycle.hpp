// The lifecycle of a job: one table of legal moves and one pure function that picks among them.
//
// Everything that decides what becomes of a job lives here: retry, back-off, dead letters, snooze, release,
// blame for dead workers. Handler failure and lost lease go through the same function. No store, no engine
// and no binding repeats any of it; the diagram in the docs is generated from the table.
#pragma once

#include <span>
#include <string>

#include "base/rng.hpp"
#include "base/time.hpp"
#include "job/move.hpp"

namespace khala::job {

// Why a job may go from one state to another.
enum class Cause : std::uint8_t {
    enqueue, due, claim, done, fail, retry, snooze, cancel, release, lapse, crash, expire, park, announce,
    unblock, damage, requeue  // requeue: an operator sends a closed job back
};
[[nodiscard]] std::string_view name(Cause cause) noexcept;

struct Transition {
    State from;
    State to;
    Cause cause;
};

// The whole table, in reading order. Golden: tests and the generated diagram read it from here.
[[nodiscard]] std::span<const Transition> transitions() noexcept;
[[nodiscard]] bool is_legal(State from, State to) noexcept;
// Mermaid stateDiagram-v2 text of the table.
[[nodiscard]] std::string diagram();

struct Limits {
    int max_crashes = 3;  // a job that brought down this many workers is quarantined
};

// What becomes of `lease`. Pure: time and randomness are parameters. `now` is UTC ms of the store's clock.
//
// * attempt counts starts. A claim has already counted this one; Release and Snooze give it back, Lapsed before
//   the handler was entered does too.
// * failures counts runs that ended by the handler's own doing; retries are left while failures <= max_retries.
// * Lapsed: died && !explained && started: suspect; and if it ran as the suspect, one crash more; at
//   limits.max_crashes quarantined. Otherwise ready again at once, without blame.
// * A requested cancellation wins over every retry: a failing, snoozing, released or lapsed job that was asked
//   to stop becomes cancelled. A Done result is kept.
// * Done clears suspect.
[[nodiscard]] Move decide(const Lease& lease, const Outcome& outcome, Millis now, Rng& rng, const Limits& limits = {});

}  // namespace khala::job
