// The store contract: about a dozen batch verbs through which every state of every job passes.
//
// A store knows how to move a job, never why: the moves it is given were decided by job::decide(). Rules that
// every store keeps, and that tests/cpp/store/contract checks on each of them:
//   * A reply has the length and the order of its request. A batch of one is a batch; there are no singular twins.
//   * Every write verb is one atomic transaction within the namespace (all queues of one file, one key prefix).
//     When it returns an error, nothing of it happened, except ErrorCode::unknown_outcome.
//   * A running job changes state only through a Move whose token is the job's current token; any other answer
//     is `lost`, and what the late holder brought is noted in the job's history.
//   * Equal order keys are taken in the order of insertion (ref).
//   * Tokens are fresh for every claim and only grow.
//   * A job is in exactly one state at every instant that another client can see.
//   * Wall time and lease time come from the Clock the store was opened with and from nowhere else.
// A Store is not thread-safe: one thread owns it (engine/). Several processes may own one each on the same file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "job/job.hpp"
#include "job/move.hpp"

namespace khala::store {

using job::JobRow;
using job::Lease;
using job::Move;
using job::NewJob;
using job::Ref;
using job::State;
using job::Token;

// --- insert ---------------------------------------------------------------------------------------------------
// One caller's jobs, which have passed job::check_new_job: all of them or none. Groups are independent of each other
// and taken in order. `exists` (same id seen before, also after it was pruned, within kClosedIdMs) does not spoil a
// group: repeating an enqueue whose answer was lost is safe. `full` does: no job of the group is inserted, and the
// group answers `full` for those that did not fit and `refused` for their group mates.
//
// A row is taken as it stands but for its order key, which is computed as if it were inserted now (so the caller hands
// rows over oldest first). Tokens issued from then on are larger than any imported one. A running row, or one whose
// history has a running attempt, is `refused` and spoils its group like `full`: its lease belongs to another store.
struct InsertGroup {
    std::vector<NewJob> jobs;
    std::vector<JobRow> rows;  // complete rows with their history, for moves between stores; after `jobs`
    std::string actor;
    // The ids of `jobs` were made for them, at random, and nobody has seen them yet: a store need not look for them.
    bool new_ids = false;
};
enum class Inserted : std::uint8_t { inserted, exists, full, refused };

// --- exchange: insert + settle + claim in one transaction ------------------------------------------------------
enum class Suspects : std::uint8_t { none, at_most_one, only };  // `only`: at most one, and nothing else

struct QueueDemand {
    std::string queue;
    int limit = 0;  // free slots of this worker for this queue
};
struct Claim {
    std::string worker;
    std::vector<QueueDemand> queues;  // each queue once; jobs are picked over all of them by order_key
    int limit = 0;                    // free slots over all queues
    Millis lease_ms = 0;
    // Whether this claim may take a suspect on top of `limit` and of its queue's limit. Other claims leave suspects.
    Suspects suspects = Suspects::none;
    std::vector<std::string> tasks;  // known task names; jobs of other tasks are left; empty = none known
};
// In this order: inserts; moves; and for a claim, in its queues, paused or not: scheduled jobs that are due become
// ready (earliest due_at first), jobs that are overdue expire (earliest expires_at first), each at most kSweepCount;
// then jobs are leased. A job that is overdue and was not reached by the sweep is left, not leased.
inline constexpr int kSweepCount = 1000;
struct Exchange {
    std::span<const InsertGroup> inserts;
    std::span<const Move> moves;
    const Claim* claim = nullptr;  // also makes due scheduled jobs ready and expires overdue ones
};
enum class Moved : std::uint8_t {
    applied,  // also for a move that was applied before (same token, ending, ended_at): repeating is safe
    lost,     // state, token or lease_until do not match; what the holder brought (any ending but released, lapsed
              // and crashed) is noted in the history, once
    missing,
    cancelled,  // applied, but a cancellation had been requested: job::heed_cancel made it that
};
struct ExchangeReply {
    std::vector<std::vector<Inserted>> inserts;  // one per group: jobs, then rows
    std::vector<Moved> moves;
    std::vector<Lease> leases;         // ascending order_key; a suspect, if any, last
    std::vector<JobRow> damaged;       // rows whose checksum failed during this claim: now quarantined
    std::vector<std::string> expired;  // ids of the jobs that this claim's sweep closed
    // Ready jobs were left that another worker could take: of a known task, no suspects, in a queue of the claim that
    // is not paused and has limit > 0; or one of the sweeps reached kSweepCount.
    bool more = false;
    // When the next scheduled job of the claim's queues is due. 0: there is none, or the store did not say; it says so
    // only to a claim that got less than it asked for.
    Millis next_due_at = 0;
};

// --- renew ------------------------------------------------------------------------------------------------------
struct Progress {
    std::int64_t count = 0;
    std::int64_t total = 0;
    std::string message;
};
// A lease that ran out may be renewed as long as nobody took it back (a store that was held up for long must not cost
// every worker its jobs). What is asked to stop is renewed, too: it needs time to.
struct Renewal {
    Ref ref = 0;
    std::string id;
    Token token = 0;
    std::optional<Progress> progress;
};
enum class Renewed : std::uint8_t { ok, lost, cancel_requested };

// --- workers ----------------------------------------------------------------------------------------------------
struct WorkerInfo {
    std::string id;
    std::string host;
    std::int64_t pid = 0;
    std::string boot_id;
    std::string version;
    std::vector<std::string> queues;
    std::vector<std::string> tasks;
    int slots = 0;
    Millis started_at = 0;
    Millis seen_at = 0;        // set by the store
    Millis seen_lease_ms = 0;  // lease clock, set by the store
    bool live = true;          // in replies: seen within kWorkerLiveMs, and its process is not known to be dead

    friend bool operator==(const WorkerInfo&, const WorkerInfo&) = default;
};

// A lease that ran out or whose holder is known to be dead, and what is known about that.
struct Lapse {
    Lease lease;  // without payload and headers
    job::Lapsed cause;
};

// --- reading ----------------------------------------------------------------------------------------------------
enum class Order : std::uint8_t {
    oldest_first,  // by insertion
    newest_first,
    next_to_run,  // by order key
};
struct ListQuery {
    std::vector<State> states;                                   // empty = all
    std::string queue, task, correlation_id, tenant, parent_id;  // empty = any
    std::string error_type;                                      // class name of the latest error
    Millis enqueued_from = 0, enqueued_to = 0;                   // [from, to); 0 = open
    Order order = Order::oldest_first;
    std::string cursor;  // from the previous page of the same order; empty = first page
    int limit = 100;     // 1..kListPage
    bool with_history = false;
};
struct ListPage {
    std::vector<JobRow> rows;
    std::string cursor;  // empty = no more
};

struct QueueSettings {
    bool paused = false;
    std::int64_t max_length = 0;  // scheduled + ready + blocked + parked; 0 = unbounded
    // 0 = strict priority. A change gives every job of the queue that is not closed a new order key: enqueued_at +
    // rank * ageing_ms, or fresh sequence numbers in the order (enqueued_at, ref). Keys of several queues are compared
    // as they are, so a claim over an ageing and a strict queue takes from the ageing one first.
    Millis ageing_ms = 0;
    std::string defaults = "{}";  // JSON of per-queue defaults (attempts, backoff, retention), for clients
    // Whether enqueues, claims and moves are logged as events. Management and quarantine always are.
    bool log_moves = false;

    friend bool operator==(const QueueSettings&, const QueueSettings&) = default;
};
// A queue exists since its first job or its first change, and stays. (One that was only named by a job whose id existed
// already may be listed as well.)
struct QueueCounts {
    std::string queue;
    QueueSettings settings;
    std::int64_t by_state[job::kStateCount] = {};
    Millis oldest_ready_at = 0;  // due_at of the job that waited longest; 0 = none

    friend bool operator==(const QueueCounts&, const QueueCounts&) = default;
};
// Durable, one a task, written in the transaction of the move that ends an attempt. `runs` leaves out attempts that
// were given back; failures are failed, timed_out, retried and crashed ones.
struct TaskCounters {
    std::string task;
    std::int64_t runs = 0, completed = 0, failures = 0, consecutive_failures = 0;
    std::int64_t duration_sum_ms = 0;
    Millis last_run_at = 0, last_failure_at = 0;

    friend bool operator==(const TaskCounters&, const TaskCounters&) = default;
};
// The latest kEventCount of each queue are kept.
inline constexpr int kEventCount = 1000;
struct Event {
    std::int64_t sequence = 0;  // per queue, gapless while kept
    Millis at = 0;
    std::string queue, job_id, name, actor, detail;  // name: a Cause or a management verb; see events.hpp

    friend bool operator==(const Event&, const Event&) = default;
};

// --- management -------------------------------------------------------------------------------------------------
enum class Managed : std::uint8_t {
    done,       // applied
    requested,  // cancel of a running job: its worker will be told
    refused,    // not in a state in which the verb applies
    missing
};
enum class Verb : std::uint8_t {
    cancel,   // waiting: closed as cancelled; running: asked to stop (`requested`, also when asked before)
    remove,   // any job but a running one; its id is remembered for kClosedIdMs
    requeue,  // a closed (not expired), scheduled or parked job is ready again, budget restored; see job::requeue_move
};
inline constexpr Millis kClosedIdMs = base::kDayMs;

struct QueueChange {
    std::string queue;
    std::optional<bool> paused;
    std::optional<std::int64_t> max_length;
    std::optional<Millis> ageing_ms;
    std::optional<std::string> defaults;
    std::string actor;
    std::optional<bool> log_moves;
};
// A closed job goes when a rule says so. Without a rule by age or count: when its keep_until has come, earliest first.
// With one or both: when it is older, or not among the newest, earliest closed_at first; keep_until is not asked then,
// and dead letters (failed, quarantined) go only when `states` names them. Equal times go by ref. Ids are remembered
// for kClosedIdMs from then on.
struct Prune {
    std::string queue;             // empty = all
    std::vector<State> states;     // closed states only; empty = all the rule allows
    Millis closed_before = 0;      // closed_at earlier than this; 0 = no rule by age
    std::int64_t keep_count = -1;  // keep the newest n of each (queue, state); < 0 = no rule by count
    int limit = 1000;              // rows of one transaction, 1..kBatchJobs
};

// What can be said about the store itself.
struct StoreInfo {
    std::string kind;        // "memory", "sqlite"
    std::string durability;  // "memory", "disk" (fsync before the answer), "disk_1s"/"os" …
    std::string location;
    // The same for everybody who opened this store, whatever they call it, and another for every other store of the
    // kind. Empty: it cannot be told.
    std::string identity;
    std::string engine_version;  // of the database library
    bool bundled = false;        // our own copy of that library
    int schema_version = 0;      // of what is kept; 0 = there are no versions of it
    std::vector<std::pair<std::string, std::string>> details;
};

// Wake-up from other processes. The engine arms, looks once more, then polls the fd. Rings are hints: they may be lost
// or come without reason.
class Wakeup {
public:
    // What was rung for.
    struct Heard {
        bool jobs = false;             // some became ready, or may have; the wish for it is used up
        bool closings = false;         // some jobs closed, any may have; the wish for it is used up
        bool stops = false;            // a job that runs here was asked to stop
        std::vector<std::string> ids;  // of jobs that closed
    };

    virtual ~Wakeup() = default;
    // -1: there is nothing to poll yet. Readable when drain() has something to do.
    [[nodiscard]] virtual int fd() const noexcept = 0;
    // Wants a ring when jobs became ready / when jobs closed. Call before the last look, not after.
    virtual void arm(bool jobs, bool closings) noexcept = 0;
    [[nodiscard]] virtual Heard drain() noexcept = 0;
};

// For a store that works elsewhere: the next exchange may be sent while the answer to one is awaited, so that the store
// need not wait for the engine, nor the engine for the store. Other verbs may be called in between. What Exchange says
// of one transaction holds for each; they are done in the order in which they were begun.
class Overlap {
public:
    virtual ~Overlap() = default;
    // Sends. What `request` refers to stays where it is until end(). Errors: as of exchange(); then nothing was begun.
    [[nodiscard]] virtual Status begin(const Exchange& request) = 0;
    // The answer to the earliest that was begun and not ended. Errors: as of exchange().
    [[nodiscard]] virtual Result<ExchangeReply> end() = 0;
    // Readable when end() has something to read. Good until the next call of any verb.
    [[nodiscard]] virtual int fd() const noexcept = 0;
};

inline constexpr Millis kWorkerLiveMs = 30 * base::kSecondMs;
inline constexpr Millis kWorkerForgottenMs = base::kHourMs;
inline constexpr int kSlotsMax = 4096;  // handlers one process runs at a time

class Store {
public:
    virtual ~Store() = default;

    [[nodiscard]] virtual const Clock& clock() const noexcept = 0;
    [[nodiscard]] virtual StoreInfo info() const = 0;
    // How often, since it was opened, all contents were found gone: a server that restarted without persistence, or was
    // emptied. Producers may enqueue again by id.
    [[nodiscard]] virtual std::int64_t resets() const noexcept { return 0; }
    // nullptr when no other process can share the store.
    [[nodiscard]] virtual Wakeup* wakeup() noexcept = 0;
    // nullptr when one exchange is done before the next begins.
    [[nodiscard]] virtual Overlap* overlap() noexcept { return nullptr; }

    [[nodiscard]] virtual Result<ExchangeReply> exchange(const Exchange& request) = 0;
    // lease_ms > 0 extends each lease to now + lease_ms; 0 only asks (no write unless there is progress).
    [[nodiscard]] virtual Result<std::vector<Renewed>> renew(std::span<const Renewal> renewals, Millis lease_ms) = 0;

    // Registers or refreshes a worker; parked jobs of its tasks in its queues become ready. A worker is live for
    // kWorkerLiveMs of lease time after each call, unless it is known dead; after kWorkerForgottenMs it is forgotten.
    [[nodiscard]] virtual Status announce(const WorkerInfo& worker) = 0;
    [[nodiscard]] virtual Status retire(const std::string& worker) = 0;
    [[nodiscard]] virtual Result<std::vector<WorkerInfo>> workers() = 0;
    // Marks, without a transaction, that the handler of the lease with this token was entered in `slot` of this
    // process (as_suspect: as the process's one suspect). Survives the death of the process; see Lapse. One word a
    // slot, so the two are safe from any thread beside every other verb; a slot has one user at a time. A mark stays
    // until its slot is marked again or ended, and says nothing about any other token.
    // slot in [0, kSlotsMax).
    virtual void mark_started(int slot, Token token, bool as_suspect) noexcept = 0;
    virtual void mark_ended(int slot) noexcept = 0;

    // Leases to be taken back now, at most `limit`, by lease_until. Reading only: the caller decides and moves.
    [[nodiscard]] virtual Result<std::vector<Lapse>> lapsed(int limit) = 0;
    // Ready jobs in these queues whose task no live worker of their queue announced, by order key; without payload and
    // headers.
    [[nodiscard]] virtual Result<std::vector<Lease>> unroutable(std::span<const std::string> queues, int limit) = 0;
    // due_at of the next scheduled job (0 = none) in these queues; in the past when it waits for a claim.
    [[nodiscard]] virtual Result<Millis> next_due(std::span<const std::string> queues) = 0;

    [[nodiscard]] virtual Result<std::vector<std::optional<JobRow>>> get(std::span<const std::string> ids,
                                                                         bool with_history) = 0;
    [[nodiscard]] virtual Result<ListPage> list(const ListQuery& query) = 0;
    // Queues by name; "" = all of them, a queue that does not exist = none.
    [[nodiscard]] virtual Result<std::vector<QueueCounts>> counts(const std::string& queue) = 0;
    [[nodiscard]] virtual Result<std::vector<TaskCounters>> task_counters() = 0;  // by task name
    // Those after a sequence number, oldest first; limit 1..kListPage.
    [[nodiscard]] virtual Result<std::vector<Event>> events(const std::string& queue, std::int64_t after,
                                                            int limit) = 0;

    [[nodiscard]] virtual Result<std::vector<Managed>> manage(Verb verb, std::span<const std::string> ids,
                                                              const std::string& reason, const std::string& actor) = 0;
    [[nodiscard]] virtual Status change_queue(const QueueChange& change) = 0;
    [[nodiscard]] virtual Result<std::int64_t> prune(const Prune& rule) = 0;  // rows removed; call again while == limit

    // Outbox rows, oldest first, and their removal once delivered; numbers that are gone are ignored.
    struct OutboxRow {
        std::int64_t number = 0;
        std::string id;
        Token token = 0;
        job::OutboxEntry entry;

        friend bool operator==(const OutboxRow&, const OutboxRow&) = default;
    };
    [[nodiscard]] virtual Result<std::vector<OutboxRow>> outbox(int limit) = 0;
    [[nodiscard]] virtual Status outbox_drop(std::span<const std::int64_t> numbers) = 0;

    // Housekeeping when idle (checkpoint). Deep check of every invariant; one line per violation.
    [[nodiscard]] virtual Status idle() = 0;
    [[nodiscard]] virtual Result<std::vector<std::string>> check() = 0;

    // True once it answers nothing but errors until it is opened anew: its file was moved, replaced or put back in
    // time under it, or the disk failed to take a commit.
    [[nodiscard]] virtual bool failed() const noexcept { return false; }
};

}  // namespace khala::store
