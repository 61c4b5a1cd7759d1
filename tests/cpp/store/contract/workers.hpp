#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(WorkerContract);

inline WorkerInfo full_worker() {
    WorkerInfo worker;
    worker.id = "w1";
    worker.host = "host";
    worker.pid = 4'242;
    worker.boot_id = "boot";
    worker.version = "1.2.3";
    worker.queues = {"q", "r"};
    worker.tasks = {"t", "u"};
    worker.slots = 4;
    worker.started_at = 1'000;
    return worker;
}

inline Ids unroutable_ids(Bench& t, std::vector<std::string> queues = {"q"}, int limit = 100) {
    return ids(ok(t.store.unroutable(queues, limit)));
}

// Adds a job of a task that only some worker knows.
inline void add_of_task(Bench& t, const std::string& id, const std::string& task, const std::string& queue = "q",
                        int priority = 5) {
    NewJob job = Bench::job(id, queue, priority);
    job.task = task;
    EXPECT_EQ(t.add(job), Inserted::inserted);
}

inline void park_all(Bench& t, std::vector<std::string> queues = {"q"}) {
    for (const Lease& lease : ok(t.store.unroutable(queues, 100))) {
        EXPECT_EQ(t.settle(lease, job::Unroutable{}), Moved::applied);
    }
}

CONTRACT_CASE(WorkerContract, AnAnnouncedWorkerIsListed) {
    WorkerInfo worker = full_worker();
    ok(t.store.announce(worker));
    worker.seen_at = t.now();
    worker.seen_lease_ms = t.clock.lease_ms();
    EXPECT_EQ(ok(t.store.workers()), (std::vector{worker}));
}

CONTRACT_CASE(WorkerContract, AnnouncingAgainRefreshes) {
    ok(t.store.announce(full_worker()));
    t.clock.advance(10'000);
    WorkerInfo worker = full_worker();
    worker.tasks = {"v"};
    ok(t.store.announce(worker));
    const auto workers = ok(t.store.workers());
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers.front().tasks, (Ids{"v"}));
    EXPECT_EQ(workers.front().seen_at, t.now());
}

CONTRACT_CASE(WorkerContract, WorkersAreListedByIdUntilTheyRetire) {
    t.announce("w2");
    t.announce("w1");
    auto workers = ok(t.store.workers());
    ASSERT_EQ(workers.size(), 2U);
    EXPECT_EQ(workers[0].id, "w1");
    ok(t.store.retire("w1"));
    ok(t.store.retire("never seen"));
    workers = ok(t.store.workers());
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers[0].id, "w2");
}

CONTRACT_CASE(WorkerContract, SilentWorkersAreForgotten) {
    t.announce("w1");
    t.clock.advance(kWorkerForgottenMs - 1);
    EXPECT_EQ(ok(t.store.workers()).size(), 1U);
    t.clock.advance(1);
    EXPECT_TRUE(ok(t.store.workers()).empty());
    t.announce("w2");
    EXPECT_EQ(ok(t.store.workers()).size(), 1U);
}

CONTRACT_CASE(WorkerContract, AWorkerIsLiveUntilItIsSilent) {
    t.announce("w1");
    t.clock.advance(kWorkerLiveMs - 1);
    t.announce("w2");
    EXPECT_TRUE(ok(t.store.workers())[0].live);
    t.clock.advance(1);
    const auto workers = ok(t.store.workers());
    ASSERT_EQ(workers.size(), 2U);
    EXPECT_FALSE(workers[0].live);
    EXPECT_TRUE(workers[1].live);
    t.announce("w1");
    EXPECT_TRUE(ok(t.store.workers())[0].live);
}

CONTRACT_CASE(WorkerContract, ADeadWorkerIsNotLiveHoweverLatelyItWasSeen) {
    ASSERT_TRUE(t.hooks.set_fate != nullptr) << "every store of the contract has this hook";
    t.announce("w1");
    t.announce("w2");
    t.add_all({"a"});
    ASSERT_EQ(t.take(1).size(), 1U);
    t.hooks.set_fate("w1", Lapsed{true, false, false, false});
    const auto workers = ok(t.store.workers());
    ASSERT_EQ(workers.size(), 2U);
    EXPECT_FALSE(workers[0].live);
    EXPECT_TRUE(workers[1].live);
}

CONTRACT_CASE(WorkerContract, BadWorkersAreRefused) {
    WorkerInfo worker = full_worker();
    worker.id = "";
    refused(t.store.announce(worker), "worker.id");
    worker = full_worker();
    worker.slots = kSlotsMax + 1;
    refused(t.store.announce(worker), "slots");
    EXPECT_TRUE(ok(t.store.workers()).empty());
}

// --- Tasks that nobody knows --------------------------------------------------------------------------------------
CONTRACT_CASE(WorkerContract, AJobNobodyKnowsIsUnroutable) {
    t.announce("w1", {"q"}, {"t"});
    add_of_task(t, "a", "rare");
    t.add_all({"b"});
    EXPECT_EQ(unroutable_ids(t), (Ids{"a"}));
    EXPECT_EQ(t.state("a"), ready) << "asking changes nothing";
}

CONTRACT_CASE(WorkerContract, AWorkerOfAnotherQueueDoesNotHelp) {
    t.announce("w1", {"r"}, {"rare"});
    t.announce("w2", {"q"}, {"t"});
    add_of_task(t, "a", "rare");
    EXPECT_EQ(unroutable_ids(t), (Ids{"a"}));
    t.announce("w3", {"r", "q"}, {"rare"});
    EXPECT_TRUE(unroutable_ids(t).empty());
}

CONTRACT_CASE(WorkerContract, OnlyReadyJobsOfTheQueuesAskedFor) {
    add_of_task(t, "a", "rare", "r");
    NewJob later = Bench::job("later");
    later.run_at = t.now() + 10;
    t.add(later);
    EXPECT_TRUE(unroutable_ids(t).empty());
    EXPECT_EQ(unroutable_ids(t, {"q", "r"}), (Ids{"a"}));
}

CONTRACT_CASE(WorkerContract, ByOrderKeyUpToTheLimit) {
    add_of_task(t, "low", "rare", "q", 1);
    add_of_task(t, "high", "rare", "r", 9);
    add_of_task(t, "medium", "rare", "q", 5);
    EXPECT_EQ(unroutable_ids(t, {"q", "r"}), (Ids{"high", "medium", "low"}));
    EXPECT_EQ(unroutable_ids(t, {"q", "r"}, 2), (Ids{"high", "medium"}));
    refused(t.store.unroutable(std::vector<std::string>{"q"}, 0), "limit");
}

CONTRACT_CASE(WorkerContract, SilenceEndsAWorkersKnowledge) {
    t.announce("w1");
    t.add_all({"a"});
    t.clock.advance(kWorkerLiveMs - 1);
    EXPECT_TRUE(unroutable_ids(t).empty());
    t.clock.advance(1);
    EXPECT_EQ(unroutable_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(WorkerContract, RetiringEndsAWorkersKnowledge) {
    t.announce("w1");
    t.add_all({"a"});
    ok(t.store.retire("w1"));
    EXPECT_EQ(unroutable_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(WorkerContract, DeathEndsAWorkersKnowledge) {
    ASSERT_TRUE(t.hooks.set_fate != nullptr) << "every store of the contract has this hook";
    t.announce("w1");
    t.add_all({"a"});
    EXPECT_TRUE(unroutable_ids(t).empty());
    t.hooks.set_fate("w1", Lapsed{true, false, false, false});
    EXPECT_EQ(unroutable_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(WorkerContract, AParkedJobIsNotClaimed) {
    add_of_task(t, "a", "rare");
    const Standing before = t.standing("a");
    park_all(t);
    EXPECT_EQ(t.state("a"), parked);
    EXPECT_NE(t.standing("a").reason.find("rare"), std::string::npos);
    EXPECT_EQ(t.standing("a").order_key, before.order_key);
    Claim claim = Bench::claim_of(5);
    claim.tasks = {"rare"};
    EXPECT_TRUE(t.claim(claim).leases.empty());
    EXPECT_TRUE(unroutable_ids(t).empty());
}

CONTRACT_CASE(WorkerContract, AnAnnouncementBringsParkedJobsBack) {
    add_of_task(t, "a", "rare");
    add_of_task(t, "b", "other");
    add_of_task(t, "c", "rare", "r");
    park_all(t, {"q", "r"});
    const Millis due_at = t.standing("a").due_at;
    t.clock.advance(100);
    t.announce("w1", {"q"}, {"rare", "t"});
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.standing("a").due_at, due_at);
    EXPECT_EQ(t.standing("a").reason, "");
    EXPECT_EQ(t.state("b"), parked) << "another task";
    EXPECT_EQ(t.state("c"), parked) << "another queue";
    Claim claim = Bench::claim_of(5);
    claim.tasks = {"rare"};
    EXPECT_EQ(ids(t.claim(claim).leases), (Ids{"a"}));
}

CONTRACT_CASE(WorkerContract, AnAnnouncementBringsBackHoweverManyInTheirOrder) {
    constexpr int kJobs = 1'300;  // more than a store does at once
    Ids all;
    for (int i = 0; i < kJobs; ++i) {
        all.push_back("job-" + std::to_string(i));
        add_of_task(t, all.back(), i % 3 == 0 ? "rare" : "other");
    }
    const std::vector<std::string> queues{"q"};
    for (auto found = ok(t.store.unroutable(queues, 200)); !found.empty();
         found = ok(t.store.unroutable(queues, 200))) {
        for (const Lease& lease : found) {
            EXPECT_EQ(t.settle(lease, job::Unroutable{}), Moved::applied);
        }
    }
    EXPECT_EQ(t.count(parked), kJobs);
    t.announce("w1", {"q"}, {"rare", "other"});
    EXPECT_EQ(t.count(ready), kJobs);
    Claim claim = Bench::claim_of(kJobs);
    claim.tasks = {"rare", "other"};
    EXPECT_EQ(ids(t.claim(claim).leases), all);
}

CONTRACT_CASE(WorkerContract, ARefreshBringsBackWhatWasParkedMeanwhile) {
    add_of_task(t, "a", "rare");
    const auto found = ok(t.store.unroutable(std::vector<std::string>{"q"}, 10));
    t.announce("w1", {"q"}, {"rare"});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(t.settle(found.front(), job::Unroutable{}), Moved::applied);
    t.announce("w1", {"q"}, {"rare"});
    EXPECT_EQ(t.state("a"), ready);
}

}  // namespace khala::store::contract
