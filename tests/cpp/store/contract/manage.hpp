#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(ManageContract);

// One job in every state that can be reached, named after it.
inline void one_of_each(Bench& t) {
    t.settle(t.start("completed"), job::Done{"1"});
    t.settle(t.start("failed"), Bench::failure());
    t.settle(t.start("cancelled"), job::Cancel{});
    t.settle(t.start(Bench::retried_job("scheduled")), Bench::failure());
    NewJob job = Bench::job("expired");
    job.expires_at = t.now();
    t.add(job);
    EXPECT_EQ(t.claim(Bench::claim_of(0)).expired, (Ids{"expired"}));
    const Lease killer = t.start("quarantined");
    Rng rng{1};
    t.apply(job::decide(killer, Bench::death(true), t.now(), rng, {.max_crashes = 1}));
    t.add_all({"parked"});
    for (const Lease& lease : ok(t.store.unroutable(std::vector<std::string>{"q"}, 10))) {
        t.settle(lease, job::Unroutable{});
    }
    t.start("running");
    t.add_all({"ready"});
}

inline const Ids kEach{"completed",   "failed", "cancelled", "scheduled", "expired",
                       "quarantined", "parked", "running",   "ready"};

CONTRACT_CASE(ManageContract, CancelClosesWhatWaitsAndAsksWhatRuns) {
    one_of_each(t);
    EXPECT_EQ(ok(t.store.manage(Verb::cancel, kEach, "why", "who")),
              (std::vector{Managed::refused, Managed::refused, Managed::refused, Managed::done, Managed::refused,
                           Managed::refused, Managed::done, Managed::requested, Managed::done}));
    for (const std::string id : {"scheduled", "parked", "ready"}) {
        EXPECT_EQ(t.state(id), cancelled) << id;
        EXPECT_EQ(t.standing(id).reason, "cancelled by who: why");
        EXPECT_EQ(t.standing(id).closed_at, t.now());
        EXPECT_EQ(t.standing(id).keep_until, t.now() + Bench::kTtlMs);
    }
    EXPECT_EQ(t.state("running"), running);
    EXPECT_TRUE(t.standing("running").cancel_requested);
    EXPECT_TRUE(t.take(9).empty());
}

CONTRACT_CASE(ManageContract, ASecondRequestKeepsTheFirstReason) {
    t.start("a");
    EXPECT_EQ(t.manage(Verb::cancel, "a", "first"), Managed::requested);
    EXPECT_EQ(t.manage(Verb::cancel, "a", "second"), Managed::requested);
    EXPECT_EQ(t.standing("a").reason, "cancelled: first");
}

CONTRACT_CASE(ManageContract, RemoveTakesEverythingButRunningJobs) {
    one_of_each(t);
    std::vector expected(kEach.size(), Managed::done);
    expected[7] = Managed::refused;
    EXPECT_EQ(ok(t.store.manage(Verb::remove, kEach, "", "")), expected);
    EXPECT_EQ(t.list({}), (Ids{"running"}));
    EXPECT_EQ(t.count(ready) + t.count(scheduled) + t.count(parked) + t.count(completed) + t.count(failed), 0);
    EXPECT_EQ(t.add(Bench::job("ready")), Inserted::exists) << "remembered";
}

CONTRACT_CASE(ManageContract, RequeueTakesClosedScheduledAndParkedJobs) {
    one_of_each(t);
    EXPECT_EQ(ok(t.store.manage(Verb::requeue, kEach, "", "")),
              (std::vector{Managed::done, Managed::done, Managed::done, Managed::done, Managed::refused, Managed::done,
                           Managed::done, Managed::refused, Managed::refused}));
    EXPECT_EQ(t.count(ready), 7);
    EXPECT_EQ(t.state("expired"), expired);
}

CONTRACT_CASE(ManageContract, ARequeuedJobStartsWithAFreshBudget) {
    NewJob job = Bench::retried_job("a", 1);
    t.settle(t.start(job), Bench::failure());
    t.clock.advance(1'000);
    t.settle(t.take_one(), Bench::failure());
    EXPECT_EQ(t.state("a"), failed);
    t.clock.advance(7);
    EXPECT_EQ(t.manage(Verb::requeue, "a", "fixed", "ops"), Managed::done);
    const Standing standing = t.standing("a");
    EXPECT_EQ(standing.state, ready);
    EXPECT_EQ(standing.failures, 0);
    EXPECT_EQ(standing.attempt, 2);
    EXPECT_EQ(standing.due_at, t.now());
    EXPECT_EQ(standing.closed_at, 0);
    EXPECT_EQ(standing.keep_until, 0);
    EXPECT_EQ(standing.reason, "requeued by ops: fixed");
    EXPECT_NE(standing.error, "") << "the latest error";
    t.settle(t.take_one(), Bench::failure());
    EXPECT_EQ(t.state("a"), scheduled) << "one retry again";
}

CONTRACT_CASE(ManageContract, ARequeuedResultIsGone) {
    t.settle(t.start("a"), job::Done{"1"});
    t.manage(Verb::requeue, "a");
    EXPECT_EQ(t.standing("a").result, "");
    EXPECT_EQ(t.take_one().standing.attempt, 2);
}

CONTRACT_CASE(ManageContract, ARequeuedJobHasItsOldPlace) {
    t.settle(t.start("a"), Bench::failure());
    t.add_all({"b"});
    t.manage(Verb::requeue, "a");
    EXPECT_EQ(ids(t.take(2)), (Ids{"a", "b"}));
}

CONTRACT_CASE(ManageContract, ARequeuedKillerStaysASuspect) {
    const Lease killer = t.start("a");
    Rng rng{1};
    t.apply(job::decide(killer, Bench::death(true), t.now(), rng, {.max_crashes = 1}));
    EXPECT_EQ(t.state("a"), quarantined);
    EXPECT_EQ(t.manage(Verb::requeue, "a"), Managed::done);
    EXPECT_EQ(t.standing("a").crashes, 0);
    EXPECT_TRUE(t.standing("a").suspect);
    EXPECT_TRUE(t.take(5).empty());
}

CONTRACT_CASE(ManageContract, UnknownIdsAreMissing) {
    t.add_all({"a"});
    for (const Verb verb : {Verb::cancel, Verb::requeue, Verb::remove}) {
        EXPECT_EQ(t.manage(verb, "nobody"), Managed::missing);
    }
    EXPECT_TRUE(ok(t.store.manage(Verb::remove, {}, "", "")).empty());
}

CONTRACT_CASE(ManageContract, TheSameIdTwiceIsTakenInOrder) {
    t.add_all({"a"});
    const Ids twice{"a", "a"};
    EXPECT_EQ(ok(t.store.manage(Verb::cancel, twice, "", "")), (std::vector{Managed::done, Managed::refused}));
    EXPECT_EQ(ok(t.store.manage(Verb::remove, twice, "", "")), (std::vector{Managed::done, Managed::missing}));
}

}  // namespace khala::store::contract
