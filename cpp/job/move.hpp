// Outcomes say what happened to an attempt; Moves say what becomes of the job. decide() (lifecycle.hpp) is the
// only way from one to the other; a store only applies moves, if state and token still match.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "job/job.hpp"

namespace khala::job {

// --- Outcomes -------------------------------------------------------------------------------------------------
struct Done {
    std::string result;  // JSON text
};
struct Failure {
    std::vector<std::string> mro;  // class names, most derived first
    std::string error;             // JSON text, as Standing::error
    bool timeout = false;          // the hard or soft time-out ended it
};
struct RetryAfter {        // the handler asks to be run again: counts as a failure against the retry budget
    Millis delay_ms = -1;  // < 0: by policy
    std::string reason;
    std::string error;
};
struct Snooze {  // later, without spending an attempt
    Millis delay_ms = 0;
    std::string reason;
};
struct Cancel {  // final, not a failure
    std::string reason;
};
struct Release {  // shutdown, or delivered and never started: given back at once, costs nothing
    std::string reason;
};
// The lease ran out, or its holder is known to be dead. What is known of the holder decides the blame.
struct Lapsed {
    bool died = false;        // the process is known to have ended
    bool explained = false;   // ended by its supervisor, by a reboot, by the machine: nobody is to blame
    bool started = false;     // the handler had been entered
    bool as_suspect = false;  // it ran as the one suspect of that process
};
struct Damaged {  // the row's checksum does not hold
    std::string reason;
};
struct Unroutable {};  // ready, but no live worker knows the task
struct Overdue {};     // not started before expires_at

using Outcome = std::variant<Done, Failure, RetryAfter, Snooze, Cancel, Release, Lapsed, Damaged, Unroutable, Overdue>;

// --- Moves ----------------------------------------------------------------------------------------------------
// How an attempt ended, for history and counters. `none` = the move ends no attempt.
// `failed` and `timed_out` say what the handler did, whether a retry follows or not; `retried` = it asked for one;
// `crashed` = a lapse that is blamed on the job.
enum class Ending : std::uint8_t {
    none,
    completed,
    failed,
    timed_out,
    retried,
    snoozed,
    cancelled,
    released,
    lapsed,
    crashed
};
[[nodiscard]] std::string_view name(Ending ending) noexcept;

// A message for another namespace or system, written in the transaction of the move. Idempotent by (id, fence).
struct OutboxEntry {
    std::string target;
    std::string body;  // JSON text

    friend bool operator==(const OutboxEntry&, const OutboxEntry&) = default;
};

struct Move {
    Ref ref = 0;
    std::string id;
    State from = State::running;
    Token token = 0;         // checked when from == running
    Millis lease_until = 0;  // != 0: applies only while the lease still ends then. decide() sets it for Lapsed, so
                             // that a lease renewed since it was read is not taken back
    State to = State::completed;
    Ending ending = Ending::none;
    Millis ended_at = 0;  // UTC, when this was decided: the attempt's end, closed_at of a closed job
    Millis due_at = 0;    // to == scheduled / ready: when it may start
    int attempt = 0;      // the values after the move
    int failures = 0;
    int snoozes = 0;
    int crashes = 0;
    bool suspect = false;
    Millis keep_until = 0;  // closed states
    std::string result;
    std::string error;  // of this attempt; empty leaves the job's latest error, completion clears it
    std::string reason;
    Millis cpu_ms = 0;
    std::int64_t peak_memory_bytes = 0;
    std::vector<OutboxEntry> outbox;

    friend bool operator==(const Move&, const Move&) = default;
};

}  // namespace khala::job
