// What a contract test works with: a store, the clock it was opened with, and short words for the usual requests.
// Every helper that gets an Error from the store fails the test and goes on with an empty answer.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.hpp"
#include "base/time.hpp"
#include "job/lifecycle.hpp"
#include "store/store.hpp"

namespace khala::store::contract {

using job::Attempt;
using job::Ending;
using job::JobRow;
using job::Lapsed;
using job::Standing;
using enum job::State;

template <typename T>
T ok(Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().to_string();
        return T{};
    }
    return *std::move(result);
}

inline void ok(const Status& status) {
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().to_string());
}

// The request is refused as the caller's mistake, and the message names the field.
template <typename T>
void refused(const Result<T>& result, std::string_view field) {
    ASSERT_FALSE(result.ok()) << field;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_NE((result.error().field + " " + result.error().message).find(field), std::string::npos)
        << result.error().to_string();
}

inline std::vector<std::string> ids(const std::vector<Lease>& leases) {
    std::vector<std::string> all;
    for (const Lease& lease : leases) {
        all.push_back(lease.job.id);
    }
    return all;
}

inline std::vector<std::string> ids(const std::vector<JobRow>& rows) {
    std::vector<std::string> all;
    for (const JobRow& row : rows) {
        all.push_back(row.job.id);
    }
    return all;
}

using Ids = std::vector<std::string>;

// What a factory may be able to do besides opening a store; empty where it cannot.
struct Hooks {
    // From now on the worker is known to have died like this (MemoryStore::set_fate).
    std::function<void(const std::string& worker, const Lapsed& fate)> set_fate;
    // The row's checksum does not hold from now on.
    std::function<bool(const std::string& id)> damage;
};

class Bench {
public:
    Bench(Store& opened, base::ManualClock& opened_with, Hooks factory_hooks)
        : store{opened}, clock{opened_with}, hooks{std::move(factory_hooks)} {}

    Store& store;
    base::ManualClock& clock;
    Hooks hooks;

    static constexpr Millis kLeaseMs = 15'000;
    static constexpr Millis kTtlMs = 60'000;

    [[nodiscard]] Millis now() const { return clock.wall_ms(); }

    // --- Jobs ---
    [[nodiscard]] static NewJob job(std::string id, std::string queue = "q", int priority = 5) {
        NewJob job;
        job.id = std::move(id);
        job.queue = std::move(queue);
        job.task = "t";
        job.payload = "{}";
        job.priority = priority;
        job.result_ttl_ms = kTtlMs;
        return job;
    }
    // Retried `max` times, 1 s apart.
    [[nodiscard]] static NewJob retried_job(std::string id, int max = 2) {
        NewJob made = job(std::move(id));
        made.retry = R"({"kind":"fixed","max":)" + std::to_string(max) + R"(,"base_ms":1000})";
        return made;
    }

    std::vector<Inserted> add_group(std::vector<NewJob> jobs, std::string actor = "") {
        const InsertGroup group{std::move(jobs), {}, std::move(actor)};
        auto reply = exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr});
        return reply.inserts.empty() ? std::vector<Inserted>{} : reply.inserts.front();
    }
    Inserted add(NewJob job) {
        const auto reply = add_group({std::move(job)});
        return reply.empty() ? Inserted::refused : reply.front();
    }
    void add_all(const Ids& names) {
        for (const std::string& name : names) {
            EXPECT_EQ(add(job(name)), Inserted::inserted) << name;
        }
    }
    std::vector<Inserted> import(std::vector<JobRow> rows) {
        const InsertGroup group{{}, std::move(rows), ""};
        auto reply = exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr});
        return reply.inserts.empty() ? std::vector<Inserted>{} : reply.inserts.front();
    }

    // --- Claims ---
    [[nodiscard]] static Claim claim_of(int limit, std::vector<std::string> queues = {"q"}) {
        Claim claim;
        claim.worker = "w1";
        for (std::string& queue : queues) {
            claim.queues.push_back({std::move(queue), limit});
        }
        claim.limit = limit;
        claim.lease_ms = kLeaseMs;
        claim.tasks = {"t"};
        return claim;
    }
    ExchangeReply claim(const Claim& claim) { return exchange({.inserts = {}, .moves = {}, .claim = &claim}); }
    std::vector<Lease> take(int limit = 1, std::vector<std::string> queues = {"q"}) {
        return claim(claim_of(limit, std::move(queues))).leases;
    }
    Lease take_one() {
        auto leases = take(1);
        EXPECT_EQ(leases.size(), 1U);
        return leases.empty() ? Lease{} : leases.front();
    }
    // Adds a job and leases it; nothing else may be ready.
    Lease start(NewJob job) {
        EXPECT_EQ(add(std::move(job)), Inserted::inserted);
        return take_one();
    }
    Lease start(const std::string& id) { return start(job(id)); }

    // --- Moves ---
    [[nodiscard]] Move decide(const Lease& lease, job::Outcome outcome) {
        return job::decide(lease, std::move(outcome), now(), rng_);
    }
    std::vector<Moved> apply(std::span<const Move> moves) {
        return exchange({.inserts = {}, .moves = moves, .claim = nullptr}).moves;
    }
    Moved apply(const Move& move) {
        const auto reply = apply(std::span{&move, 1});
        return reply.empty() ? Moved::missing : reply.front();
    }
    Moved settle(const Lease& lease, job::Outcome outcome) { return apply(decide(lease, std::move(outcome))); }
    [[nodiscard]] static job::Failure failure(std::string type = "OSError") {
        std::string error = R"({"type":")" + type + R"(","mro":[],"message":"","traceback":""})";
        return {{std::move(type), "Exception"}, std::move(error), false};
    }
    // A death that makes the job a suspect without blaming it.
    [[nodiscard]] static Lapsed death(bool as_suspect = false) { return {true, false, true, as_suspect}; }
    void make_suspect(const std::string& id) {
        const Lease lease = start(id);
        EXPECT_EQ(settle(lease, death()), Moved::applied);
    }

    Renewed renew(const Lease& lease, Millis lease_ms = kLeaseMs, std::optional<Progress> progress = std::nullopt) {
        const Renewal renewal{lease.ref, lease.job.id, lease.standing.token, std::move(progress)};
        const auto reply = ok(store.renew({&renewal, 1}, lease_ms));
        return reply.empty() ? Renewed::lost : reply.front();
    }
    Managed manage(Verb verb, const std::string& id, const std::string& reason = "", const std::string& actor = "") {
        const auto reply = ok(store.manage(verb, {&id, 1}, reason, actor));
        return reply.empty() ? Managed::missing : reply.front();
    }

    // --- Queues and workers ---
    void pause(const std::string& queue, bool paused = true) {
        QueueChange change;
        change.queue = queue;
        change.paused = paused;
        ok(store.change_queue(change));
    }
    void limit_length(const std::string& queue, std::int64_t length) {
        QueueChange change;
        change.queue = queue;
        change.max_length = length;
        ok(store.change_queue(change));
    }
    void age(const std::string& queue, Millis ageing_ms) {
        QueueChange change;
        change.queue = queue;
        change.ageing_ms = ageing_ms;
        ok(store.change_queue(change));
    }
    void log_moves(const std::string& queue) {
        QueueChange change;
        change.queue = queue;
        change.log_moves = true;
        ok(store.change_queue(change));
    }
    void announce(const std::string& worker, std::vector<std::string> queues = {"q"},
                  std::vector<std::string> tasks = {"t"}) {
        WorkerInfo info;
        info.id = worker;
        info.queues = std::move(queues);
        info.tasks = std::move(tasks);
        ok(store.announce(info));
    }

    // --- Reading ---
    [[nodiscard]] std::optional<JobRow> find(const std::string& id) {
        const auto rows = ok(store.get({&id, 1}, true));
        return rows.empty() ? std::nullopt : rows.front();
    }
    [[nodiscard]] JobRow row(const std::string& id) {
        const auto found = find(id);
        EXPECT_TRUE(found.has_value()) << id << " is missing";
        return found.value_or(JobRow{});
    }
    [[nodiscard]] Standing standing(const std::string& id) { return row(id).standing; }
    [[nodiscard]] State state(const std::string& id) { return standing(id).state; }
    [[nodiscard]] Ids list(ListQuery query) { return ids(ok(store.list(query)).rows); }
    [[nodiscard]] std::int64_t count(State state, const std::string& queue = "q") {
        const auto counts = ok(store.counts(queue));
        return counts.empty() ? 0 : counts.front().by_state[static_cast<std::size_t>(state)];
    }
    [[nodiscard]] std::vector<Event> events(const std::string& queue = "q") {
        return ok(store.events(queue, 0, static_cast<int>(kListPage)));
    }
    [[nodiscard]] Ids event_names(const std::string& queue = "q") {
        Ids names;
        for (const Event& event : events(queue)) {
            names.push_back(event.name);
        }
        return names;
    }

    ExchangeReply exchange(const Exchange& request) { return ok(store.exchange(request)); }

private:
    Rng rng_{1};
};

// A factory opens one store for each test:
//     struct Factory {
//         base::ManualClock clock;
//         std::unique_ptr<Store> open();       // with &clock; a fresh store for each Factory
//         Hooks hooks(Store& store);           // what it can do besides
//     };
template <typename Factory>
class Contract : public ::testing::Test {
protected:
    void TearDown() override {
        for (const std::string& fault : ok(store_->check())) {
            ADD_FAILURE() << "check(): " << fault;
        }
    }
    Bench& bench() { return bench_; }

private:
    Factory factory_;
    std::unique_ptr<Store> store_ = factory_.open();
    Bench bench_{*store_, factory_.clock, factory_.hooks(*store_)};
};

}  // namespace khala::store::contract

// One case of a subject: a plain function of the bench, run on every store of `ContractStores`.
#define CONTRACT_CASE(Subject, Case)                                                   \
    inline void Subject##_##Case([[maybe_unused]] ::khala::store::contract::Bench& t); \
    TYPED_TEST(Subject, Case) {                                                        \
        Subject##_##Case(this->bench());                                               \
    }                                                                                  \
    inline void Subject##_##Case([[maybe_unused]] ::khala::store::contract::Bench& t)

#define CONTRACT_SUBJECT(Subject)                                          \
    template <typename Factory>                                            \
    class Subject : public ::khala::store::contract::Contract<Factory> {}; \
    TYPED_TEST_SUITE(Subject, ContractStores)
