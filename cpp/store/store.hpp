// The store contract: about a dozen batch verbs through which every state of every job passes.
//
// A store knows how to move a job, never why: the moves it is given were decided by job::decide(). Rules that
// every store keeps, and that tests/cpp/store/contract checks on each of them:
//   * A reply has the length and the order of its request. A batch of one is a batch; there are no singular twins.
//   * Every write verb is one atomic transaction within the namespace (all queues of one file, one key prefix).
//     When it returns an error, nothing of it happened, except ErrorCode::unknown_outcome.
//   * A running job changes state only through a Move whose token is the job's current token; any other answer
//     is `lost`, and what the late holder brought is noted in the job's history.
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
// One caller's jobs: all of them or none. `exists` (same id seen before, also after it was pruned, within
// kClosedIdMs) does not spoil a group: repeating an enqueue whose answer was lost is safe. `full` does: no job of the group is
// inserted, and the group answers `full` for those that did not fit and `refused` for their group mates.
struct InsertGroup {
    std::vector<NewJob> jobs;
    std::vector<JobRow> rows;  // complete rows with their history, for moves between stores; after `jobs`
    std::string actor;
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
    std::vector<QueueDemand> queues;  // jobs are picked over all of them by order_key
    int limit = 0;                    // free slots over all queues
    Millis lease_ms = 0;
    Suspects suspects = Suspects::none;  // whether this claim may take a suspect on top of `limit`
    std::vector<std::string> tasks;      // known task names; jobs of other tasks are left where they are
};
struct Exchange {
    std::span<const InsertGroup> inserts;
    std::span<const Move> moves;
    const Claim* claim = nullptr;  // also makes due scheduled jobs ready and expires overdue ones
};
enum class Moved : std::uint8_t { applied, lost, missing };
struct ExchangeReply {
    std::vector<std::vector<Inserted>> inserts;  // one per group: jobs, then rows
    std::vector<Moved> moves;
    std::vector<Lease> leases;      // ascending order_key; a suspect, if any, last
    std::vector<JobRow> damaged;    // rows whose checksum failed during this claim: now quarantined
    bool more = false;              // ready jobs were left that another worker could take
};

// --- renew ------------------------------------------------------------------------------------------------------
struct Progress {
    std::int64_t count = 0;
    std::int64_t total = 0;
    std::string message;
};
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
    Millis seen_at = 0;      // set by the store
    Millis seen_lease_ms = 0;  // lease clock, set by the store
};

// A lease that ran out or whose holder is known to be dead, and what is known about that.
struct Lapse {
    Lease lease;
    job::Lapsed cause;
};

// --- reading ----------------------------------------------------------------------------------------------------
enum class Order : std::uint8_t { oldest_first, newest_first, next_to_run };
struct ListQuery {
    std::vector<State> states;   // empty = all
    std::string queue, task, correlation_id, tenant, parent_id;  // empty = any
    std::string error_type;      // class name of the latest error
    Millis enqueued_from = 0, enqueued_to = 0;  // [from, to); 0 = open
    Order order = Order::oldest_first;
    std::string cursor;          // from the previous page; empty = first page
    int limit = 100;             // 1..1000
    bool with_history = false;
};
struct ListPage {
    std::vector<JobRow> rows;
    std::string cursor;          // empty = no more
};

struct QueueSettings {
    bool paused = false;
    std::int64_t max_length = 0;   // scheduled + ready + blocked + parked; 0 = unbounded
    Millis ageing_ms = 0;          // 0 = strict priority
    std::string defaults = "{}";   // JSON of per-queue defaults (attempts, backoff, retention), for clients
};
struct QueueCounts {
    std::string queue;
    QueueSettings settings;
    std::int64_t by_state[job::kStateCount] = {};
    Millis oldest_ready_at = 0;    // due_at of the job that waited longest; 0 = none
};
struct TaskCounters {
    std::string task;
    std::int64_t runs = 0, completed = 0, failures = 0, consecutive_failures = 0;
    std::int64_t duration_sum_ms = 0;
    Millis last_run_at = 0, last_failure_at = 0;
};
struct Event {
    std::int64_t sequence = 0;   // per queue, gapless while kept
    Millis at = 0;
    std::string queue, job_id, name, actor, detail;  // name: a Cause or a management verb
};

// --- management -------------------------------------------------------------------------------------------------
enum class Managed : std::uint8_t {
    done,       // applied
    requested,  // cancel of a running job: its worker will be told
    refused,    // not in a state in which the verb applies
    missing
};
enum class Verb : std::uint8_t { cancel, remove, requeue };  // requeue: a closed or scheduled/parked job is ready again, budget restored

struct QueueChange {
    std::string queue;
    std::optional<bool> paused;
    std::optional<std::int64_t> max_length;
    std::optional<Millis> ageing_ms;
    std::optional<std::string> defaults;
    std::string actor;
};
struct Prune {
    std::string queue;            // empty = all
    std::vector<State> states;    // closed states only; empty = every closed state but failed and quarantined… by keep_until
    Millis closed_before = 0;     // 0 = by each row's keep_until
    std::int64_t keep_count = -1; // keep the newest n of each (queue, state); < 0 = no rule by count
    int limit = 1000;             // rows of one transaction
};

// What can be said about the store itself.
struct StoreInfo {
    std::string kind;         // "memory", "sqlite"
    std::string durability;   // "memory", "disk" (fsync before the answer), "disk_1s"/"os" …
    std::string location;
    std::string engine_version;  // of the database library
    bool bundled = false;        // our own copy of that library
    int schema_version = 0;
    std::vector<std::pair<std::string, std::string>> details;
};

// Wake-up from other processes. The engine arms, looks once more, then polls the fd; see sqlite/bell.hpp.
class Wakeup {
  public:
    virtual ~Wakeup() = default;
    [[nodiscard]] virtual int fd() const noexcept = 0;
    // Wants a ring when jobs became ready / when jobs closed. Call before the last look, not after.
    virtual void arm(bool jobs, bool closings) noexcept = 0;
    virtual void drain() noexcept = 0;
};

inline constexpr int kSlotsMax = 4096;  // handlers one process runs at a time

class Store {
  public:
    virtual ~Store() = default;

    [[nodiscard]] virtual const Clock& clock() const noexcept = 0;
    [[nodiscard]] virtual StoreInfo info() const = 0;
    // nullptr when no other process can share the store.
    [[nodiscard]] virtual Wakeup* wakeup() noexcept = 0;

    [[nodiscard]] virtual Result<ExchangeReply> exchange(const Exchange& request) = 0;
    // lease_ms > 0 extends each lease to now + lease_ms; 0 only asks (no write unless there is progress).
    [[nodiscard]] virtual Result<std::vector<Renewed>> renew(std::span<const Renewal> renewals, Millis lease_ms) = 0;

    // Registers or refreshes a worker; parked jobs of its tasks in its queues become ready.
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

    // Leases to be taken back now, at most `limit`. Reading only: the caller decides and moves.
    [[nodiscard]] virtual Result<std::vector<Lapse>> lapsed(int limit) = 0;
    // Ready jobs in these queues whose task no live worker announced.
    [[nodiscard]] virtual Result<std::vector<Lease>> unroutable(std::span<const std::string> queues, int limit) = 0;
    // UTC ms of the next scheduled job (0 = none) in these queues.
    [[nodiscard]] virtual Result<Millis> next_due(std::span<const std::string> queues) = 0;

    [[nodiscard]] virtual Result<std::vector<std::optional<JobRow>>> get(std::span<const std::string> ids, bool with_history) = 0;
    [[nodiscard]] virtual Result<ListPage> list(const ListQuery& query) = 0;
    [[nodiscard]] virtual Result<std::vector<QueueCounts>> counts(const std::string& queue) = 0;  // "" = all
    [[nodiscard]] virtual Result<std::vector<TaskCounters>> task_counters() = 0;
    [[nodiscard]] virtual Result<std::vector<Event>> events(const std::string& queue, std::int64_t after, int limit) = 0;

    [[nodiscard]] virtual Result<std::vector<Managed>> manage(Verb verb, std::span<const std::string> ids,
                                                              const std::string& reason, const std::string& actor) = 0;
    [[nodiscard]] virtual Status change_queue(const QueueChange& change) = 0;
    [[nodiscard]] virtual Result<std::int64_t> prune(const Prune& rule) = 0;  // rows removed; call again while == limit

    // Outbox rows, oldest first, and their removal once delivered.
    struct OutboxRow {
        std::int64_t number = 0;
        std::string id;
        Token token = 0;
        job::OutboxEntry entry;
    };
    [[nodiscard]] virtual Result<std::vector<OutboxRow>> outbox(int limit) = 0;
    [[nodiscard]] virtual Status outbox_drop(std::span<const std::int64_t> numbers) = 0;

    // Housekeeping when idle (checkpoint). Deep check of every invariant; one line per violation.
    [[nodiscard]] virtual Status idle() = 0;
    [[nodiscard]] virtual Result<std::vector<std::string>> check() = 0;
};

}  // namespace khala::store
