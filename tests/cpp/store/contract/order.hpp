#pragma once

#include <algorithm>

#include "job/order_key.hpp"
#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(OrderContract);

CONTRACT_CASE(OrderContract, LargerPrioritiesRunSooner) {
    t.add(Bench::job("low", "q", 2));
    t.add(Bench::job("critical", "q", 10));
    t.add(Bench::job("medium", "q", 5));
    t.add(Bench::job("high", "q", 8));
    EXPECT_EQ(ids(t.take(9)), (Ids{"critical", "high", "medium", "low"}));
}

CONTRACT_CASE(OrderContract, EqualPrioritiesAreFirstInFirstOut) {
    t.add_all({"z", "y", "a", "m"});
    EXPECT_EQ(ids(t.take(9)), (Ids{"z", "y", "a", "m"}));
}

CONTRACT_CASE(OrderContract, TheOrderHoldsOverSeveralQueues) {
    t.add(Bench::job("r5", "r", 5));
    t.add(Bench::job("q5", "q", 5));
    t.add(Bench::job("q9", "q", 9));
    t.add(Bench::job("s7", "s", 7));
    t.add(Bench::job("r7", "r", 7));
    EXPECT_EQ(ids(t.take(3, {"q", "r", "s"})), (Ids{"q9", "s7", "r7"}));
    EXPECT_EQ(ids(t.take(3, {"q", "r", "s"})), (Ids{"r5", "q5"}));
}

CONTRACT_CASE(OrderContract, TheWallClockDoesNotDisturbIt) {
    t.add_all({"a"});
    t.clock.set_wall_ms(t.now() - 86'400'000);
    t.add_all({"b"});
    t.clock.set_wall_ms(t.now() + 2 * 86'400'000);
    t.add_all({"c"});
    EXPECT_EQ(ids(t.take(9)), (Ids{"a", "b", "c"}));
}

CONTRACT_CASE(OrderContract, ARetryKeepsItsPlaceInLine) {
    const Lease lease = t.start(Bench::retried_job("first"));
    const std::int64_t key = lease.standing.order_key;
    t.settle(lease, Bench::failure());
    t.add_all({"second", "third"});
    EXPECT_EQ(ids(t.take(1)), (Ids{"second"})) << "not due yet";
    t.clock.advance(1'000);
    const auto leases = t.take(2);
    EXPECT_EQ(ids(leases), (Ids{"first", "third"}));
    EXPECT_EQ(leases.front().standing.order_key, key);
}

CONTRACT_CASE(OrderContract, WhatIsHandedBackKeepsItsPlace) {
    const Lease lease = t.start("first");
    t.add_all({"second"});
    t.settle(lease, job::Release{});
    EXPECT_EQ(ids(t.take(2)), (Ids{"first", "second"}));
}

CONTRACT_CASE(OrderContract, ALaterJobHasThePlaceOfItsEnqueue) {
    NewJob later = Bench::job("later");
    later.run_at = t.now() + 100;
    t.add(later);
    t.add_all({"now"});
    t.clock.advance(100);
    EXPECT_EQ(ids(t.take(2)), (Ids{"later", "now"}));
}

CONTRACT_CASE(OrderContract, AnUrgentJobThatBecomesDueGoesFirst) {
    NewJob urgent = Bench::job("urgent", "q", 9);
    urgent.run_at = t.now() + 100;
    t.add_all({"a"});
    t.add(urgent);
    t.clock.advance(100);
    EXPECT_EQ(ids(t.take(1)), (Ids{"urgent"}));
}

CONTRACT_CASE(OrderContract, RandomJobsComeOutSorted) {
    Rng rng{42};
    std::vector<NewJob> jobs;
    for (int i = 0; i < 400; ++i) {
        jobs.push_back(
            Bench::job("j" + std::to_string(i), "q" + std::to_string(rng.below(3)), static_cast<int>(rng.below(256))));
    }
    t.add_group(jobs);
    std::stable_sort(jobs.begin(), jobs.end(),
                     [](const NewJob& a, const NewJob& b) { return a.priority > b.priority; });
    std::size_t next = 0;
    while (next < jobs.size()) {
        for (const Lease& lease : t.take(1 + static_cast<int>(rng.below(40)), {"q0", "q1", "q2"})) {
            ASSERT_EQ(lease.job.id, jobs[next].id) << next;
            ++next;
        }
    }
}

CONTRACT_CASE(OrderContract, KeysFitADouble) {
    for (const int priority : {0, 5, 255}) {
        t.add(Bench::job("p" + std::to_string(priority), "q", priority));
        t.add(Bench::job("a" + std::to_string(priority), "ageing", priority));
    }
    t.age("ageing", job::kAgeingMaxMs);
    for (const JobRow& row : ok(t.store.list({})).rows) {
        EXPECT_GE(row.standing.order_key, 0);
        EXPECT_LT(row.standing.order_key, job::kOrderKeyLimit);
    }
}

CONTRACT_CASE(OrderContract, NextToRunListsWhatClaimsTake) {
    t.add(Bench::job("a", "q", 1));
    t.add(Bench::job("b", "q", 9));
    t.add(Bench::job("c", "q", 5));
    t.add(Bench::job("d", "q", 5));
    ListQuery query;
    query.order = Order::next_to_run;
    const Ids listed = t.list(query);
    EXPECT_EQ(listed, (Ids{"b", "c", "d", "a"}));
    EXPECT_EQ(ids(t.take(9)), listed);
}

// --- Ageing -----------------------------------------------------------------------------------------------------
CONTRACT_CASE(OrderContract, AgeingLetsWaitingJobsOvertake) {
    t.age("q", 1'000);
    t.add(Bench::job("waited long", "q", 5));
    t.clock.advance(2'001);
    t.add(Bench::job("two levels up", "q", 7));
    t.add(Bench::job("three levels up", "q", 8));
    EXPECT_EQ(ids(t.take(9)), (Ids{"three levels up", "waited long", "two levels up"}));
}

CONTRACT_CASE(OrderContract, EqualAgeingKeysAreFirstInFirstOut) {
    t.age("q", 1'000);
    t.add_all({"c", "a", "b"});
    EXPECT_EQ(ids(t.take(9)), (Ids{"c", "a", "b"}));
}

CONTRACT_CASE(OrderContract, SwitchingAgeingOnRekeysWhatIsThere) {
    t.add(Bench::job("old low", "q", 5));
    t.clock.advance(5'000);
    t.add(Bench::job("new high", "q", 6));
    t.age("q", 1'000);
    EXPECT_EQ(ids(t.take(9)), (Ids{"old low", "new high"}));
}

CONTRACT_CASE(OrderContract, SwitchingAgeingOffGoesBackToStrict) {
    t.age("q", 1'000);
    t.add(Bench::job("old low", "q", 5));
    t.add(Bench::job("second low", "q", 5));
    t.clock.advance(5'000);
    t.add(Bench::job("new high", "q", 6));
    t.age("q", 0);
    t.add(Bench::job("last low", "q", 5));
    EXPECT_EQ(ids(t.take(9)), (Ids{"new high", "old low", "second low", "last low"}));
}

CONTRACT_CASE(OrderContract, RekeyingReachesRunningAndScheduledJobs) {
    const Lease lease = t.start(Bench::job("running", "q", 5));
    NewJob later = Bench::job("later", "q", 5);
    later.run_at = t.now() + 10;
    t.add(later);
    t.clock.advance(5'000);
    t.add(Bench::job("new high", "q", 6));
    t.age("q", 1'000);
    EXPECT_EQ(t.settle(lease, job::Release{}), Moved::applied);
    EXPECT_EQ(ids(t.take(9)), (Ids{"running", "later", "new high"}));
}

CONTRACT_CASE(OrderContract, OtherQueuesKeepTheirKeys) {
    t.add(Bench::job("a", "other"));
    const std::int64_t key = t.standing("a").order_key;
    t.age("q", 1'000);
    EXPECT_EQ(t.standing("a").order_key, key);
}

}  // namespace khala::store::contract
