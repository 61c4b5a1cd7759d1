#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(SuspectContract);

inline Claim suspect_claim(int limit, Suspects suspects, std::vector<std::string> queues = {"q"}) {
    Claim claim = Bench::claim_of(limit, std::move(queues));
    claim.suspects = suspects;
    return claim;
}

CONTRACT_CASE(SuspectContract, OrdinaryClaimsLeaveThem) {
    t.make_suspect("s");
    EXPECT_TRUE(t.standing("s").suspect);
    EXPECT_EQ(t.state("s"), ready);
    const auto reply = t.claim(suspect_claim(5, Suspects::none));
    EXPECT_TRUE(reply.leases.empty());
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(SuspectContract, OneComesOnTopOfTheLimitAndLast) {
    t.make_suspect("s1");
    t.make_suspect("s2");
    t.add_all({"a", "b", "c"});
    const auto reply = t.claim(suspect_claim(2, Suspects::at_most_one));
    EXPECT_EQ(ids(reply.leases), (Ids{"a", "b", "s1"}));
    EXPECT_TRUE(reply.leases.back().standing.suspect);
    EXPECT_TRUE(reply.more);
    EXPECT_EQ(t.state("s2"), ready);
}

CONTRACT_CASE(SuspectContract, FullWorkersStillTakeOne) {
    t.make_suspect("s");
    t.add_all({"a"});
    Claim claim = suspect_claim(0, Suspects::at_most_one);
    EXPECT_EQ(ids(t.claim(claim).leases), (Ids{"s"}));
    EXPECT_EQ(t.state("a"), ready);
}

CONTRACT_CASE(SuspectContract, OnlyTakesNothingElse) {
    t.make_suspect("s1");
    t.make_suspect("s2");
    t.add_all({"a"});
    EXPECT_EQ(ids(t.claim(suspect_claim(5, Suspects::only)).leases), (Ids{"s1"}));
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(ids(t.claim(suspect_claim(5, Suspects::only)).leases), (Ids{"s2"}));
    EXPECT_TRUE(t.claim(suspect_claim(5, Suspects::only)).leases.empty());
}

CONTRACT_CASE(SuspectContract, OnlySaysWhetherOtherJobsAreLeft) {
    t.add_all({"a"});
    EXPECT_TRUE(t.claim(suspect_claim(5, Suspects::only)).more);
}

CONTRACT_CASE(SuspectContract, TheBestOverAllQueues) {
    t.add(Bench::job("q5", "q", 5));
    t.add(Bench::job("r9", "r", 9));
    for (const Lease& lease : t.take(2, {"q", "r"})) {
        t.settle(lease, Bench::death());
    }
    EXPECT_EQ(ids(t.claim(suspect_claim(0, Suspects::only, {"q", "r"})).leases), (Ids{"r9"}));
    EXPECT_EQ(ids(t.claim(suspect_claim(0, Suspects::only, {"q", "r"})).leases), (Ids{"q5"}));
}

CONTRACT_CASE(SuspectContract, PausedQueuesAndUnknownTasksAreLeft) {
    t.make_suspect("s");
    Claim claim = suspect_claim(5, Suspects::at_most_one);
    claim.tasks = {"another"};
    EXPECT_TRUE(t.claim(claim).leases.empty());
    t.pause("q");
    EXPECT_TRUE(t.claim(suspect_claim(5, Suspects::at_most_one)).leases.empty());
    t.pause("q", false);
    EXPECT_EQ(ids(t.claim(suspect_claim(5, Suspects::at_most_one)).leases), (Ids{"s"}));
}

CONTRACT_CASE(SuspectContract, TheyCountAsReady) {
    t.make_suspect("s");
    EXPECT_EQ(t.count(ready), 1);
    ListQuery query;
    query.states = {ready};
    EXPECT_EQ(t.list(query), (Ids{"s"}));
    EXPECT_EQ(ok(t.store.counts("q")).front().oldest_ready_at, t.now());
}

CONTRACT_CASE(SuspectContract, CompletionClearsSuspicion) {
    t.make_suspect("s");
    const auto leases = t.claim(suspect_claim(0, Suspects::only)).leases;
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(t.settle(leases.front(), job::Done{}), Moved::applied);
    EXPECT_FALSE(t.standing("s").suspect);
    EXPECT_EQ(t.manage(Verb::requeue, "s"), Managed::done);
    EXPECT_EQ(ids(t.take(1)), (Ids{"s"})) << "an ordinary job again";
}

CONTRACT_CASE(SuspectContract, AFailureDoesNotClearIt) {
    NewJob job = Bench::retried_job("s");
    t.settle(t.start(job), Bench::death());
    const auto leases = t.claim(suspect_claim(0, Suspects::only)).leases;
    ASSERT_EQ(leases.size(), 1U);
    t.settle(leases.front(), Bench::failure());
    EXPECT_EQ(t.state("s"), scheduled);
    t.clock.advance(1'000);
    EXPECT_TRUE(t.take(5).empty());
    EXPECT_EQ(ids(t.claim(suspect_claim(0, Suspects::only)).leases), (Ids{"s"}));
}

CONTRACT_CASE(SuspectContract, ThreeDeathsAsTheSuspectQuarantine) {
    t.make_suspect("s");
    for (int crash = 1; crash <= 3; ++crash) {
        const auto leases = t.claim(suspect_claim(0, Suspects::only)).leases;
        ASSERT_EQ(leases.size(), 1U) << crash;
        EXPECT_EQ(t.settle(leases.front(), Bench::death(true)), Moved::applied);
        EXPECT_EQ(t.standing("s").crashes, crash);
        EXPECT_EQ(t.standing("s").attempt, crash + 1);
    }
    EXPECT_EQ(t.state("s"), quarantined);
    EXPECT_EQ(t.standing("s").reason, "crashed 3 workers");
    EXPECT_EQ(t.event_names(), (Ids{"crash"})) << "quarantine is always logged";
    EXPECT_TRUE(t.claim(suspect_claim(5, Suspects::at_most_one)).leases.empty());
}

}  // namespace khala::store::contract
