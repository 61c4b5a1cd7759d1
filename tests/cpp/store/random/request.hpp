// One step of a random programme, as values: what is asked, what is answered, and everything a store shows.
//
// A request never holds a store's own tokens or refs: leases are named by the order in which they were handed out
// (`LeaseNo`), sent moves by the order in which they were sent. So one programme runs on any store, and still makes
// sense after the shrinker dropped some of its steps.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "job/lifecycle.hpp"
#include "store/store.hpp"

namespace khala::store::random {

using LeaseNo = int;  // 0-based

// The retry policies of random jobs, in plain numbers; policy_text() makes the text that the job carries.
struct Policy {
    int max = 0;
    Millis first_ms = 0;
    Millis step_ms = 0;         // each further wait is longer by this
    bool spares_value = false;  // ValueError is not retried
    bool only_os = false;       // only OSError is retried
};
[[nodiscard]] std::string policy_text(const Policy& policy);

struct JobSpec {
    NewJob job;
    Policy policy;
};
struct Group {
    std::vector<JobSpec> jobs;
    std::vector<JobRow> rows;
};

enum class End : std::uint8_t {
    done,
    os_error,
    value_error,
    timeout,
    retry_after,
    retry_by_policy,
    snooze,
    cancel,
    release,
    death,             // its process is known to have died while the job ran
    death_as_suspect,  // and it ran as the one suspect
};
// Sent by the holder of the lease (or, for a death, about it), who knows what the claim told it and no more.
struct Settlement {
    LeaseNo lease = 0;
    End end = End::done;
    Millis delay_ms = 0;
    bool with_outbox = false;
    int repeat_of = -1;  // >= 0: sends that earlier move again, as it was; the rest is ignored
};

struct ExchangeRequest {
    std::vector<Group> groups;
    std::vector<Settlement> settlements;
    std::optional<Claim> claim;
};
// lapsed(limit); then the leases of `renew_between` are renewed; then what was read is taken back.
struct ReapRequest {
    int limit = 100;
    std::vector<LeaseNo> renew_between;
};
struct RenewRequest {
    std::vector<std::pair<LeaseNo, std::optional<Progress>>> renewals;
    Millis lease_ms = 0;
};
struct ParkRequest {
    std::vector<std::string> queues;
    int limit = 100;
};
struct AnnounceRequest {
    WorkerInfo worker;
};
struct RetireRequest {
    std::string worker;
};
struct MarkRequest {
    int slot = 0;
    LeaseNo lease = -1;  // -1: ends the slot
    bool as_suspect = false;
};
struct FateRequest {
    std::string worker;
    bool explained = false;
};
struct ManageRequest {
    Verb verb = Verb::cancel;
    std::vector<std::string> ids;
    std::string reason, actor;
};
struct ChangeRequest {
    QueueChange change;
};
struct PruneRequest {
    Prune rule;
};
struct DropRequest {
    int count = 1;  // of the oldest outbox rows
};
struct ListRequest {
    ListQuery query;  // all pages
};
struct AdvanceRequest {
    Millis ms = 0;
    Millis wall_jump_ms = 0;  // of the wall clock alone
};

using Request =
    std::variant<ExchangeRequest, ReapRequest, RenewRequest, ParkRequest, AnnounceRequest, RetireRequest, MarkRequest,
                 FateRequest, ManageRequest, ChangeRequest, PruneRequest, DropRequest, ListRequest, AdvanceRequest>;
[[nodiscard]] std::string to_text(const Request& request);

struct LapseView {
    std::string id;
    bool died = false, explained = false, started = false, as_suspect = false;

    friend bool operator==(const LapseView&, const LapseView&) = default;
};

struct Reply {
    std::vector<std::vector<Inserted>> inserts;
    std::vector<Moved> moves;
    std::vector<std::string> leases;
    std::vector<std::string> expired;
    bool more = false;
    std::vector<Renewed> renewed;
    std::vector<Managed> managed;
    std::vector<LapseView> lapses;
    std::vector<std::string> ids;  // of a list or of what was parked
    std::int64_t count = 0;
    std::string error;

    friend bool operator==(const Reply&, const Reply&) = default;
};
[[nodiscard]] std::string to_text(const Reply& reply);

// Everything that the contract lets a reader see, with the store's own numbers taken out: refs, order keys (their
// order stays in `next_to_run`) and outbox numbers are 0, tokens are 1 + the number of the lease.
struct Snapshot {
    std::vector<JobRow> rows;  // oldest first, with history
    std::vector<std::string> next_to_run;
    std::vector<QueueCounts> counts;
    std::vector<TaskCounters> counters;
    std::map<std::string, std::vector<Event>> events;
    std::vector<WorkerInfo> workers;
    std::vector<Store::OutboxRow> outbox;
    std::map<std::string, Millis> next_due;
    std::vector<std::string> faults;  // of check(), and of what the numbers taken out must satisfy

    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};
// Takes out queues that have no jobs, no events and no settings of their own: stores may differ in listing them.
void drop_unused_queues(Snapshot& snapshot);

// What differs, one line each; empty when nothing does.
[[nodiscard]] std::vector<std::string> differences(const Snapshot& a, const Snapshot& b);

[[nodiscard]] std::string to_text(const JobRow& row);

}  // namespace khala::store::random
