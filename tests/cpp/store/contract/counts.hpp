#pragma once

#include <numeric>

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(CountContract);

CONTRACT_CASE(CountContract, UnknownQueuesHaveNone) {
    EXPECT_TRUE(ok(t.store.counts("q")).empty());
    EXPECT_TRUE(ok(t.store.counts("")).empty());
}

CONTRACT_CASE(CountContract, EveryStateIsCounted) {
    t.settle(t.start("completed"), job::Done{});
    t.settle(t.start("failed"), Bench::failure());
    t.settle(t.start("cancelled"), job::Cancel{});
    t.settle(t.start(Bench::retried_job("scheduled")), Bench::failure());
    t.start("running");
    t.add_all({"r1", "r2"});
    EXPECT_EQ(t.count(completed), 1);
    EXPECT_EQ(t.count(failed), 1);
    EXPECT_EQ(t.count(cancelled), 1);
    EXPECT_EQ(t.count(scheduled), 1);
    EXPECT_EQ(t.count(running), 1);
    EXPECT_EQ(t.count(ready), 2);
    EXPECT_EQ(t.count(blocked) + t.count(parked) + t.count(expired) + t.count(quarantined), 0);
}

CONTRACT_CASE(CountContract, QueuesAreListedByNameAndStay) {
    t.add(Bench::job("a", "zebra"));
    t.add(Bench::job("b", "ape"));
    t.pause("middle");
    t.manage(Verb::remove, "b");
    const auto counts = ok(t.store.counts(""));
    ASSERT_EQ(counts.size(), 3U);
    EXPECT_EQ(counts[0].queue, "ape");
    EXPECT_EQ(std::accumulate(std::begin(counts[0].by_state), std::end(counts[0].by_state), std::int64_t{0}), 0);
    EXPECT_EQ(counts[1].queue, "middle");
    EXPECT_EQ(counts[2].queue, "zebra");
}

CONTRACT_CASE(CountContract, ARefusedJobMakesNoQueue) {
    t.limit_length("q", 1);
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b"), Bench::job("c", "new")}),
              (std::vector{Inserted::refused, Inserted::full, Inserted::refused}));
    EXPECT_TRUE(ok(t.store.counts("new")).empty());
}

CONTRACT_CASE(CountContract, OldestReadyIsTheLongestWaiting) {
    const auto oldest = [&] { return ok(t.store.counts("q")).front().oldest_ready_at; };
    const Millis start = t.now();
    t.add(Bench::job("low", "q", 1));
    t.clock.advance(100);
    t.add(Bench::job("high", "q", 9));
    EXPECT_EQ(oldest(), start);
    EXPECT_EQ(ids(t.take(1)), (Ids{"high"}));
    EXPECT_EQ(oldest(), start);
    EXPECT_EQ(ids(t.take(1)), (Ids{"low"}));
    EXPECT_EQ(oldest(), 0);
}

CONTRACT_CASE(CountContract, AReleasedJobWaitsSinceItsRelease) {
    const Lease lease = t.start("a");
    t.clock.advance(5'000);
    t.settle(lease, job::Release{});
    EXPECT_EQ(ok(t.store.counts("q")).front().oldest_ready_at, t.now());
}

// --- Task counters ----------------------------------------------------------------------------------------------
CONTRACT_CASE(CountContract, TasksAreCountedByTheirOutcomes) {
    EXPECT_TRUE(ok(t.store.task_counters()).empty());
    const auto run = [&](const std::string& id, job::Outcome outcome, Millis for_ms) {
        const Lease lease = t.start(Bench::retried_job(id));
        t.clock.advance(for_ms);
        t.settle(lease, std::move(outcome));
        return t.now();
    };
    run("a", job::Done{}, 10);
    run("b", Bench::failure(), 20);
    const Millis failed_at = run("c", job::RetryAfter{5'000, "", ""}, 30);
    const Millis cancelled_at = run("d", job::Cancel{}, 40);
    auto counters = ok(t.store.task_counters());
    ASSERT_EQ(counters.size(), 1U);
    EXPECT_EQ(counters.front(), (TaskCounters{"t", 4, 1, 2, 2, 100, cancelled_at, failed_at}));
    t.clock.advance(1);
    const Millis done_at = run("e", job::Done{}, 1);
    counters = ok(t.store.task_counters());
    EXPECT_EQ(counters.front(), (TaskCounters{"t", 5, 2, 2, 0, 101, done_at, failed_at}));
}

CONTRACT_CASE(CountContract, WhatIsGivenBackIsNoRun) {
    t.settle(t.start("a"), job::Release{});
    t.settle(t.take_one(), job::Snooze{0, ""});
    t.settle(t.take_one(), Lapsed{});
    EXPECT_TRUE(ok(t.store.task_counters()).empty());
    t.settle(t.take_one(), Lapsed{false, false, true, false});
    const auto counters = ok(t.store.task_counters());
    ASSERT_EQ(counters.size(), 1U);
    EXPECT_EQ(counters.front().runs, 1);
    EXPECT_EQ(counters.front().failures, 0) << "a lapse is nobody's failure";
}

CONTRACT_CASE(CountContract, LostMovesAreNotCounted) {
    const Lease lease = t.start("a");
    t.settle(lease, job::Release{});
    t.settle(lease, job::Done{});
    EXPECT_TRUE(ok(t.store.task_counters()).empty());
}

CONTRACT_CASE(CountContract, TasksAreListedByName) {
    for (const std::string task : {"z", "a", "m"}) {
        NewJob job = Bench::job(task);
        job.task = task;
        t.add(job);
    }
    Claim claim = Bench::claim_of(3);
    claim.tasks = {"a", "m", "z"};
    for (const Lease& lease : t.claim(claim).leases) {
        t.settle(lease, job::Done{});
    }
    const auto counters = ok(t.store.task_counters());
    ASSERT_EQ(counters.size(), 3U);
    EXPECT_EQ(counters[0].task, "a");
    EXPECT_EQ(counters[2].task, "z");
}

CONTRACT_CASE(CountContract, CountersOutliveTheJobs) {
    t.settle(t.start("a"), job::Done{});
    t.manage(Verb::remove, "a");
    EXPECT_EQ(ok(t.store.task_counters()).front().completed, 1);
}

}  // namespace khala::store::contract
