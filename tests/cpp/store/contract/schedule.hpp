#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(ScheduleContract);

inline NewJob later_job(std::string id, Millis run_at, std::string queue = "q") {
    NewJob job = Bench::job(std::move(id), std::move(queue));
    job.run_at = run_at;
    return job;
}

inline NewJob expiring_job(std::string id, Millis expires_at, std::string queue = "q") {
    NewJob job = Bench::job(std::move(id), std::move(queue));
    job.expires_at = expires_at;
    return job;
}

CONTRACT_CASE(ScheduleContract, NotBeforeItsTime) {
    t.add(later_job("a", t.now() + 500));
    t.clock.advance(499);
    EXPECT_TRUE(t.take(1).empty());
    EXPECT_EQ(t.state("a"), scheduled);
    t.clock.advance(1);
    const Millis due_at = t.now();
    t.clock.advance(40);
    const auto leases = t.take(1);
    ASSERT_EQ(ids(leases), (Ids{"a"}));
    EXPECT_EQ(leases.front().standing.due_at, due_at);
}

CONTRACT_CASE(ScheduleContract, AClaimMakesDueJobsReadyEvenIfItCannotTakeThem) {
    t.add(later_job("a", t.now() + 500));
    t.add(later_job("b", t.now() + 500, "other"));
    t.clock.advance(500);
    const auto reply = t.claim([&] {
        Claim claim = Bench::claim_of(0);
        claim.queues = {{"q", 5}};
        return claim;
    }());
    EXPECT_TRUE(reply.more);
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.state("b"), scheduled) << "not a queue of this claim";
}

CONTRACT_CASE(ScheduleContract, DueJobsOfAPausedQueueBecomeReady) {
    t.add(later_job("a", t.now() + 500));
    t.pause("q");
    t.clock.advance(500);
    EXPECT_TRUE(t.take(1).empty());
    EXPECT_EQ(t.state("a"), ready);
}

CONTRACT_CASE(ScheduleContract, ExchangesWithoutAClaimPromoteNothing) {
    t.add(later_job("a", t.now() + 500));
    t.clock.advance(500);
    t.exchange({});
    EXPECT_EQ(t.state("a"), scheduled);
}

CONTRACT_CASE(ScheduleContract, RetriesFollowTheirPolicy) {
    NewJob job = Bench::job("a");
    job.retry = R"({"kind":"delays","max":3,"delays_ms":[60000,300000,1800000]})";
    t.add(job);
    for (const Millis wait : {60'000, 300'000, 1'800'000}) {
        t.settle(t.take_one(), Bench::failure());
        EXPECT_EQ(t.state("a"), scheduled);
        EXPECT_EQ(t.standing("a").due_at, t.now() + wait);
        t.clock.advance(wait - 1);
        EXPECT_TRUE(t.take(1).empty());
        t.clock.advance(1);
    }
    t.settle(t.take_one(), Bench::failure());
    EXPECT_EQ(t.state("a"), failed);
    EXPECT_EQ(t.standing("a").attempt, 4);
    EXPECT_EQ(t.standing("a").failures, 4);
}

CONTRACT_CASE(ScheduleContract, ClassesThatAreNotRetriedFailAtOnce) {
    NewJob job = Bench::retried_job("a");
    job.retry = R"({"kind":"fixed","max":9,"base_ms":1,"not_on":["ValueError"]})";
    t.settle(t.start(job), Bench::failure("ValueError"));
    EXPECT_EQ(t.state("a"), failed);
}

CONTRACT_CASE(ScheduleContract, ASnoozeWaitsAndCostsNothing) {
    t.add_all({"a"});
    for (int n = 1; n <= 3; ++n) {
        t.settle(t.take_one(), job::Snooze{100, "busy"});
        EXPECT_EQ(t.state("a"), scheduled);
        EXPECT_EQ(t.standing("a").snoozes, n);
        EXPECT_EQ(t.standing("a").attempt, 0);
        EXPECT_EQ(t.standing("a").failures, 0);
        EXPECT_EQ(t.standing("a").reason, "busy");
        t.clock.advance(100);
    }
    EXPECT_EQ(t.take_one().standing.attempt, 1);
}

CONTRACT_CASE(ScheduleContract, ASnoozeOfNothingIsReadyAtOnce) {
    t.settle(t.start("a"), job::Snooze{0, ""});
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.take(1).size(), 1U);
}

CONTRACT_CASE(ScheduleContract, NextDueIsTheEarliestOfTheQueuesAskedFor) {
    const auto next = [&](std::vector<std::string> queues) { return ok(t.store.next_due(queues)); };
    EXPECT_EQ(next({"q", "r"}), 0);
    EXPECT_EQ(next({}), 0);
    const Millis start = t.now();
    t.add_all({"ready ones do not count"});
    t.add(later_job("a", start + 900));
    t.add(later_job("b", start + 700));
    t.add(later_job("c", start + 800, "r"));
    EXPECT_EQ(next({"q"}), start + 700);
    EXPECT_EQ(next({"r"}), start + 800);
    EXPECT_EQ(next({"r", "q", "never seen"}), start + 700);
    t.clock.advance(2'000);
    EXPECT_EQ(next({"q"}), start + 700) << "in the past: it waits for a claim";
    t.take(9);
    EXPECT_EQ(next({"q"}), 0);
}

CONTRACT_CASE(ScheduleContract, OneSweepIsBoundedAndSaysSo) {
    std::vector<NewJob> jobs;
    const Millis start = t.now();
    for (int i = 0; i < kSweepCount + 5; ++i) {
        jobs.push_back(later_job("j" + std::to_string(i), start + kSweepCount + 10 - i));
    }
    t.add_group(jobs);
    t.clock.advance(2 * kSweepCount);
    Claim claim = Bench::claim_of(0);
    claim.queues = {{"q", 0}};
    EXPECT_TRUE(t.claim(claim).more);
    EXPECT_EQ(t.count(ready), kSweepCount);
    EXPECT_EQ(t.count(scheduled), 5);
    EXPECT_EQ(t.state("j0"), scheduled) << "the earliest go first";
    EXPECT_EQ(t.state("j" + std::to_string(kSweepCount + 4)), ready);
    EXPECT_FALSE(t.claim(claim).more);
    EXPECT_EQ(t.count(scheduled), 0);
}

// --- Expiry -----------------------------------------------------------------------------------------------------
CONTRACT_CASE(ScheduleContract, WhatDidNotStartInTimeExpires) {
    t.add(expiring_job("a", t.now() + 100));
    t.add(expiring_job("b", t.now() + 101));
    t.clock.advance(100);
    const auto reply = t.claim(Bench::claim_of(5));
    EXPECT_EQ(ids(reply.leases), (Ids{"b"}));
    EXPECT_EQ(reply.expired, (Ids{"a"}));
    const Standing standing = t.standing("a");
    EXPECT_EQ(standing.state, expired);
    EXPECT_EQ(standing.attempt, 0);
    EXPECT_EQ(standing.closed_at, t.now());
    EXPECT_EQ(standing.keep_until, t.now() + Bench::kTtlMs);
    EXPECT_TRUE(t.row("a").history.empty());
    EXPECT_TRUE(t.claim(Bench::claim_of(5)).expired.empty());
}

CONTRACT_CASE(ScheduleContract, WhatStartedDoesNotExpire) {
    NewJob job = Bench::retried_job("a");
    job.expires_at = t.now() + 100;
    t.settle(t.start(job), Bench::failure());
    t.clock.advance(5'000);
    const auto reply = t.claim(Bench::claim_of(1));
    EXPECT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_TRUE(reply.expired.empty());
    t.clock.advance(Bench::kLeaseMs);
    EXPECT_TRUE(t.claim(Bench::claim_of(1)).expired.empty()) << "nor while it runs";
}

CONTRACT_CASE(ScheduleContract, AStartThatWasGivenBackIsNone) {
    t.settle(t.start(expiring_job("a", t.now() + 100)), job::Release{});
    t.clock.advance(100);
    EXPECT_EQ(t.claim(Bench::claim_of(1)).expired, (Ids{"a"}));
}

CONTRACT_CASE(ScheduleContract, ScheduledAndParkedJobsExpireToo) {
    NewJob job = expiring_job("later", t.now() + 100);
    job.run_at = t.now() + 100;
    t.add(job);
    job = expiring_job("parked", t.now() + 100);
    job.task = "nobody";
    t.add(job);
    const auto found = ok(t.store.unroutable(std::vector<std::string>{"q"}, 10));
    ASSERT_EQ(found.size(), 1U);
    t.settle(found.front(), job::Unroutable{});
    t.clock.advance(100);
    EXPECT_EQ(t.claim(Bench::claim_of(1)).expired, (Ids{"later", "parked"}));
    EXPECT_EQ(t.count(expired), 2);
}

CONTRACT_CASE(ScheduleContract, ExpiryIsTheBusinessOfTheClaimsQueues) {
    t.add(expiring_job("a", t.now() + 100, "other"));
    t.clock.advance(100);
    EXPECT_TRUE(t.claim(Bench::claim_of(1)).expired.empty());
    EXPECT_EQ(t.state("a"), ready);
    t.pause("other");
    EXPECT_EQ(t.claim(Bench::claim_of(1, {"other"})).expired, (Ids{"a"})) << "paused or not";
}

CONTRACT_CASE(ScheduleContract, OverdueJobsBeyondTheSweepAreNotRun) {
    std::vector<NewJob> jobs;
    for (int i = 0; i < kSweepCount + 5; ++i) {
        jobs.push_back(expiring_job("j" + std::to_string(i), t.now() + 10));
    }
    jobs.push_back(Bench::job("good"));
    t.add_group(jobs);
    t.clock.advance(10);
    auto reply = t.claim(Bench::claim_of(3));
    EXPECT_EQ(ids(reply.leases), (Ids{"good"}));
    EXPECT_EQ(reply.expired.size(), static_cast<std::size_t>(kSweepCount));
    EXPECT_EQ(reply.expired.front(), "j0");
    EXPECT_TRUE(reply.more);
    reply = t.claim(Bench::claim_of(3));
    EXPECT_EQ(reply.expired.size(), 5U);
    EXPECT_FALSE(reply.more);
}

}  // namespace khala::store::contract
