// Short words for jobs and requests in tests of the SQLite store, on real clocks.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job/lifecycle.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

inline std::unique_ptr<Store> open_store(const std::string& file, Synchronous synchronous = Synchronous::normal) {
    SqliteOptions options;
    options.path = file;
    options.synchronous = synchronous;
    auto store = open_sqlite(options);
    EXPECT_TRUE(store.ok()) << (store.ok() ? "" : store.error().to_string());
    return store.ok() ? *std::move(store) : nullptr;
}

inline NewJob simple_job(std::string id, std::string payload = "{}") {
    NewJob job;
    job.id = std::move(id);
    job.queue = "q";
    job.task = "t";
    job.payload = std::move(payload);
    job.result_ttl_ms = base::kDayMs;
    return job;
}

inline Claim simple_claim(int limit, const std::string& worker = "w", Millis lease_ms = 15'000) {
    Claim claim;
    claim.worker = worker;
    claim.queues = {{"q", limit}};
    claim.limit = limit;
    claim.lease_ms = lease_ms;
    claim.suspects = Suspects::at_most_one;
    claim.tasks = {"t"};
    return claim;
}

inline Result<ExchangeReply> enqueue(Store& store, std::vector<NewJob> jobs) {
    const InsertGroup group{std::move(jobs), {}, ""};
    return store.exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr});
}

inline Result<ExchangeReply> settle(Store& store, const std::vector<Move>& moves) {
    return store.exchange({.inserts = {}, .moves = moves, .claim = nullptr});
}

inline Result<ExchangeReply> take(Store& store, const Claim& claim) {
    return store.exchange({.inserts = {}, .moves = {}, .claim = &claim});
}

inline Move done(const Lease& lease, Store& store, std::string result = "1") {
    Rng rng{1};
    return job::decide(lease, job::Done{std::move(result)}, store.clock().wall_ms(), rng);
}

// Takes back what lapsed, as a reaper does.
inline std::size_t reap(Store& store) {
    Rng rng{1};
    std::vector<Move> moves;
    auto lapses = store.lapsed(1000);
    EXPECT_TRUE(lapses.ok());
    for (const Lapse& lapse : *lapses) {
        moves.push_back(job::decide(lapse.lease, lapse.cause, store.clock().wall_ms(), rng));
    }
    if (!moves.empty()) {
        EXPECT_TRUE(settle(store, moves).ok());
    }
    return moves.size();
}

inline std::int64_t count_of(Store& store, State state) {
    const auto counts = store.counts("q");
    EXPECT_TRUE(counts.ok());
    return !counts.ok() || counts->empty() ? 0 : counts->front().by_state[static_cast<std::size_t>(state)];
}

inline void expect_sound(Store& store) {
    const auto faults = store.check();
    ASSERT_TRUE(faults.ok()) << faults.error().to_string();
    for (const std::string& fault : *faults) {
        ADD_FAILURE() << fault;
    }
}

}  // namespace khala::store::sqlite
