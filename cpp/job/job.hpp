// Job values: what a producer hands in, what a worker receives, what a reader sees.
//
// Plain values with public fields; they own their bytes and know no rules (those are in lifecycle.hpp).
// Times are UTC milliseconds (`_at`), durations milliseconds (`_ms`); 0 means "not set" for both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/time.hpp"
#include "job/state.hpp"

namespace khala::job {

// Reference of a row inside one store, handed out with leases and rows so that the store need not look
// the id up again. 0 = unknown, use the id. Meaningless in any other store.
using Ref = std::int64_t;

// What a late note keeps of a result (Attempt::result).
inline constexpr std::size_t kLateResultBytes = 16 * kKiB;

// Fencing token: fresh for every claim, only grows within a namespace. 0 = no lease.
using Token = std::int64_t;

// The part of a job that is fixed at enqueue.
struct NewJob {
    std::string id;              // opaque text, 1..128 bytes, made by the client (UUIDv7 unless given)
    std::string queue;           // 1..128 bytes
    std::string task;            // name of the handler, 1..128 bytes
    std::string payload;         // JSON text: an object or array of arguments
    int priority = 5;            // 0..255, larger runs sooner
    Millis run_at = 0;           // not before; 0 = now
    Millis expires_at = 0;       // never started by then (attempt == 0) -> expired; retries do not expire
    Millis soft_timeout_ms = 0;  // the handler is asked to stop
    Millis hard_timeout_ms = 0;  // the attempt is over, whatever the handler does
    std::string retry;           // RetryPolicy as text (retry.hpp); empty = never retried
    Millis result_ttl_ms = 0;    // how long the closed job is kept; 0 = removed at the next prune
    std::string correlation_id;
    std::string headers = "{}";  // JSON object of strings
    // Carried for later features; older workers preserve what they do not use.
    std::string tenant;
    std::string unique_key;
    std::string concurrency_key;
    std::string rate_key;
    std::string parent_id;
    std::string schedule_id;
    Millis nominal_at = 0;
    int task_version = 0;

    friend bool operator==(const NewJob&, const NewJob&) = default;
};

// How a job stands; changes only through a Move (move.hpp), a claim or a renewal.
struct Standing {
    State state = State::ready;
    std::int64_t order_key = 0;  // order_key.hpp; ascending = sooner
    Millis enqueued_at = 0;
    Millis due_at = 0;  // when it may start: run_at, a retry's time, ready since
    int attempt = 0;    // starts so far
    int failures = 0;   // ended by the handler's own doing (error, timeout): spends the retry budget
    int snoozes = 0;
    int crashes = 0;       // deaths of a worker this job is to blame for
    bool suspect = false;  // was started in a process that died; runs apart until it completes
    bool cancel_requested = false;
    Token token = 0;         // of the current or latest lease
    std::string worker;      // of the current or latest lease
    Millis lease_until = 0;  // on the store's lease clock, not UTC
    Millis started_at = 0;   // of the latest claim, UTC
    Millis closed_at = 0;
    Millis keep_until = 0;  // pruned after that; set when the job closes
    std::string result;     // JSON text
    std::string error;      // JSON text of the latest error: {"type","mro","message","traceback"}
    std::string reason;     // why it is in this state, for people: "cancelled by …", "crashed 3 workers"
    std::int64_t progress_count = 0;
    std::int64_t progress_total = 0;
    std::string progress_message;

    friend bool operator==(const Standing&, const Standing&) = default;
};

// One started attempt, as history keeps it, ascending by token. Bounded: the latest kHistoryCount are kept
// (base/limits.hpp). An attempt that was given back (released, snoozed) stays; the next one has its number again.
//
// A late note has the same shape and follows the attempt it belongs to: what a holder brought after its lease was
// gone. Its outcome is "late " + name(Ending), started_at is 0 and `result` holds what it would have answered (at most
// kLateResultBytes; a longer one is replaced by {"omitted_bytes":n}).
struct Attempt {
    int number = 0;
    Millis started_at = 0;
    Millis ended_at = 0;  // 0 = still running
    std::string worker;
    std::string outcome;  // name(Ending) of move.hpp; "running" while ended_at is 0
    std::string error;    // as Standing::error
    Millis cpu_ms = 0;
    std::int64_t peak_memory_bytes = 0;
    Token token = 0;
    std::string result;  // late notes only

    friend bool operator==(const Attempt&, const Attempt&) = default;
};

// A complete row: what `get` and `list` answer and what an import takes.
struct JobRow {
    Ref ref = 0;
    NewJob job;
    Standing standing;
    std::vector<Attempt> history;  // oldest first; empty unless asked for

    friend bool operator==(const JobRow&, const JobRow&) = default;
};

// What a claim hands to a worker. `standing.token` is the fence.
struct Lease {
    Ref ref = 0;
    NewJob job;
    Standing standing;

    friend bool operator==(const Lease&, const Lease&) = default;
};

}  // namespace khala::job
