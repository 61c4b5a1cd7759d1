#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(ClaimContract);

CONTRACT_CASE(ClaimContract, LeasesTheJobToTheWorker) {
    t.add_all({"a"});
    t.clock.advance(100);
    const auto leases = t.take(1);
    ASSERT_EQ(leases.size(), 1U);
    const Lease& lease = leases.front();
    EXPECT_EQ(lease.job, Bench::job("a"));
    EXPECT_EQ(lease.standing.state, running);
    EXPECT_EQ(lease.standing.attempt, 1);
    EXPECT_GT(lease.standing.token, 0);
    EXPECT_EQ(lease.standing.worker, "w1");
    EXPECT_EQ(lease.standing.started_at, t.now());
    EXPECT_EQ(lease.standing.lease_until, t.clock.lease_ms() + Bench::kLeaseMs);
    EXPECT_EQ(lease.standing, t.standing("a"));
    EXPECT_EQ(lease.ref, t.row("a").ref);
}

CONTRACT_CASE(ClaimContract, NothingReadyIsAnEmptyReply) {
    const auto reply = t.claim(Bench::claim_of(5));
    EXPECT_TRUE(reply.leases.empty());
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(ClaimContract, NeverMoreThanTheLimit) {
    t.add_all({"a", "b", "c"});
    auto reply = t.claim(Bench::claim_of(2));
    EXPECT_EQ(ids(reply.leases), (Ids{"a", "b"}));
    EXPECT_TRUE(reply.more);
    reply = t.claim(Bench::claim_of(2));
    EXPECT_EQ(ids(reply.leases), (Ids{"c"}));
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(ClaimContract, ExactlyAllIsNotMore) {
    t.add_all({"a", "b"});
    EXPECT_FALSE(t.claim(Bench::claim_of(2)).more);
}

CONTRACT_CASE(ClaimContract, LimitZeroTakesNothingAndSaysWhetherThereIsMore) {
    t.add_all({"a"});
    Claim claim = Bench::claim_of(0);
    claim.queues = {{"q", 5}};
    const auto reply = t.claim(claim);
    EXPECT_TRUE(reply.leases.empty());
    EXPECT_TRUE(reply.more);
}

CONTRACT_CASE(ClaimContract, AQueuesOwnLimitHolds) {
    t.add_all({"a", "b", "c"});
    t.add(Bench::job("d", "r"));
    Claim claim = Bench::claim_of(10);
    claim.queues = {{"q", 1}, {"r", 10}};
    const auto reply = t.claim(claim);
    EXPECT_EQ(ids(reply.leases), (Ids{"a", "d"}));
    EXPECT_TRUE(reply.more);
}

CONTRACT_CASE(ClaimContract, AQueueWithLimitZeroIsLeftAndIsNotMore) {
    t.add_all({"a"});
    t.add(Bench::job("b", "r"));
    Claim claim = Bench::claim_of(10);
    claim.queues = {{"q", 0}, {"r", 10}};
    const auto reply = t.claim(claim);
    EXPECT_EQ(ids(reply.leases), (Ids{"b"}));
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(ClaimContract, OnlyNamedQueues) {
    t.add(Bench::job("a", "other"));
    const auto reply = t.claim(Bench::claim_of(5, {"q", "never seen"}));
    EXPECT_TRUE(reply.leases.empty());
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(t.state("a"), ready);
}

CONTRACT_CASE(ClaimContract, JobsOfUnknownTasksAreLeft) {
    NewJob foreign = Bench::job("foreign", "q", 9);
    foreign.task = "u";
    t.add(foreign);
    t.add_all({"a"});
    auto reply = t.claim(Bench::claim_of(5));
    EXPECT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(t.state("foreign"), ready);
    Claim claim = Bench::claim_of(5);
    claim.tasks = {"x", "u"};
    EXPECT_EQ(ids(t.claim(claim).leases), (Ids{"foreign"}));
}

CONTRACT_CASE(ClaimContract, ManyUnknownOnesBeforeAKnownOne) {
    std::vector<NewJob> jobs;
    for (int i = 0; i < 300; ++i) {
        jobs.push_back(Bench::job("u" + std::to_string(i), "q", 9));
        jobs.back().task = "u" + std::to_string(i % 7);
    }
    jobs.push_back(Bench::job("a"));
    t.add_group(jobs);
    const auto reply = t.claim(Bench::claim_of(2));
    EXPECT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(ClaimContract, NoKnownTaskClaimsNothing) {
    t.add_all({"a"});
    Claim claim = Bench::claim_of(5);
    claim.tasks = {};
    const auto reply = t.claim(claim);
    EXPECT_TRUE(reply.leases.empty());
    EXPECT_FALSE(reply.more);
}

CONTRACT_CASE(ClaimContract, WhatIsInsertedInTheSameExchangeCanBeClaimed) {
    const InsertGroup group{{Bench::job("a"), Bench::job("b")}, {}, ""};
    const Claim claim = Bench::claim_of(1);
    const auto reply = t.exchange({.inserts = {&group, 1}, .moves = {}, .claim = &claim});
    EXPECT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_TRUE(reply.more);
}

CONTRACT_CASE(ClaimContract, WhatIsSettledInTheSameExchangeCanBeClaimed) {
    const Lease lease = t.start("a");
    const Move move = t.decide(lease, job::Release{});
    const Claim claim = Bench::claim_of(1);
    const auto reply = t.exchange({.inserts = {}, .moves = {&move, 1}, .claim = &claim});
    EXPECT_EQ(reply.moves, (std::vector{Moved::applied}));
    ASSERT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_EQ(reply.leases.front().standing.attempt, 1) << "the first start was given back";
    EXPECT_GT(reply.leases.front().standing.token, lease.standing.token);
}

CONTRACT_CASE(ClaimContract, ARunningJobIsNotClaimedAgain) {
    t.start("a");
    EXPECT_TRUE(t.take(5).empty());
    t.clock.advance(Bench::kLeaseMs * 2);
    EXPECT_TRUE(t.take(5).empty()) << "a lease that ran out is taken back by a move, not by a claim";
}

CONTRACT_CASE(ClaimContract, TokensOnlyGrow) {
    t.add_all({"a", "b", "c"});
    Token last = 0;
    for (int round = 0; round < 4; ++round) {
        Claim claim = Bench::claim_of(3);
        claim.worker = "w" + std::to_string(round);
        const auto leases = t.claim(claim).leases;
        ASSERT_EQ(leases.size(), 3U);
        for (const Lease& lease : leases) {
            EXPECT_GT(lease.standing.token, last);
            last = lease.standing.token;
            EXPECT_EQ(t.settle(lease, job::Release{}), Moved::applied);
        }
    }
}

CONTRACT_CASE(ClaimContract, AClaimStartsTheReasonAndTheProgressAfresh) {
    const Lease lease = t.start("a");
    t.renew(lease, 0, Progress{3, 9, "third"});
    t.settle(lease, job::Release{"shutdown"});
    EXPECT_EQ(t.standing("a").reason, "shutdown");
    EXPECT_EQ(t.standing("a").progress_count, 3);
    const Lease again = t.take_one();
    EXPECT_EQ(again.standing.reason, "");
    EXPECT_EQ(again.standing.progress_count, 0);
    EXPECT_EQ(again.standing.progress_total, 0);
    EXPECT_EQ(again.standing.progress_message, "");
}

CONTRACT_CASE(ClaimContract, TheLatestErrorTravelsWithTheJob) {
    const Lease lease = t.start(Bench::retried_job("a"));
    t.settle(lease, Bench::failure("OSError"));
    t.clock.advance(1'000);
    EXPECT_NE(t.take_one().standing.error.find("OSError"), std::string::npos);
}

CONTRACT_CASE(ClaimContract, WorkersNeedNoAnnouncement) {
    t.add_all({"a"});
    Claim claim = Bench::claim_of(1);
    claim.worker = "nobody knows";
    EXPECT_EQ(t.claim(claim).leases.size(), 1U);
}

CONTRACT_CASE(ClaimContract, BadClaimsAreRefusedWhole) {
    const auto wrong = [&](auto&& spoil, std::string_view field) {
        Claim claim = Bench::claim_of(1);
        spoil(claim);
        const InsertGroup group{{Bench::job("never")}, {}, ""};
        const auto reply = t.store.exchange({.inserts = {&group, 1}, .moves = {}, .claim = &claim});
        refused(reply, field);
        EXPECT_EQ(t.find("never"), std::nullopt) << field;
    };
    wrong([](Claim& c) { c.worker = ""; }, "worker");
    wrong([](Claim& c) { c.lease_ms = 0; }, "lease_ms");
    wrong([](Claim& c) { c.limit = -1; }, "limit");
    wrong([](Claim& c) { c.queues = {{"q", -1}}; }, "queues");
    wrong([](Claim& c) { c.queues = {{"q", 1}, {"r", 1}, {"q", 2}}; }, "q twice");
}

CONTRACT_CASE(ClaimContract, ADamagedRowIsQuarantinedAndReported) {
    ASSERT_TRUE(t.hooks.damage != nullptr) << "every store of the contract has this hook";
    t.add_all({"a", "b"});
    ASSERT_TRUE(t.hooks.damage("a"));
    const auto reply = t.claim(Bench::claim_of(5));
    EXPECT_EQ(ids(reply.leases), (Ids{"b"}));
    ASSERT_EQ(reply.damaged.size(), 1U);
    EXPECT_EQ(reply.damaged.front().job.id, "a");
    EXPECT_EQ(reply.damaged.front().standing.state, quarantined);
    EXPECT_EQ(t.state("a"), quarantined);
    EXPECT_EQ(t.count(quarantined), 1);
    EXPECT_TRUE(t.take(5).empty());
    EXPECT_EQ(t.event_names(), (Ids{"damage"}));
}

}  // namespace khala::store::contract
