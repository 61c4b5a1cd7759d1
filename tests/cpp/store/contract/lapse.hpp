#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(LapseContract);

inline Ids lapsed_ids(Bench& t, int limit = 100) {
    Ids all;
    for (const Lapse& lapse : ok(t.store.lapsed(limit))) {
        all.push_back(lapse.lease.job.id);
    }
    return all;
}

CONTRACT_CASE(LapseContract, ALeaseEndsWhenItsTimeHasCome) {
    t.start("a");
    t.clock.advance(Bench::kLeaseMs - 1);
    EXPECT_TRUE(lapsed_ids(t).empty());
    t.clock.advance(1);
    EXPECT_EQ(lapsed_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(LapseContract, TheWallClockDoesNotEndLeases) {
    t.start("a");
    t.clock.set_wall_ms(t.now() + 86'400'000);
    EXPECT_TRUE(lapsed_ids(t).empty());
    t.clock.set_wall_ms(t.now() - 2 * 86'400'000);
    t.clock.advance(Bench::kLeaseMs);
    EXPECT_EQ(lapsed_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(LapseContract, ReadingChangesNothing) {
    t.start("a");
    t.clock.advance(Bench::kLeaseMs);
    const JobRow before = t.row("a");
    EXPECT_EQ(lapsed_ids(t), (Ids{"a"}));
    EXPECT_EQ(lapsed_ids(t), (Ids{"a"}));
    EXPECT_EQ(t.row("a"), before);
}

CONTRACT_CASE(LapseContract, TheEarliestFirstUpToTheLimit) {
    t.add_all({"a", "b", "c"});
    const auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    t.renew(leases[0], 3'000);
    t.renew(leases[1], 1'000);
    t.renew(leases[2], 2'000);
    t.clock.advance(5'000);
    EXPECT_EQ(lapsed_ids(t), (Ids{"b", "c", "a"}));
    EXPECT_EQ(lapsed_ids(t, 2), (Ids{"b", "c"}));
}

CONTRACT_CASE(LapseContract, BringsWhatADecisionNeeds) {
    NewJob job = Bench::retried_job("a");
    job.payload = "[1,2,3]";
    job.headers = R"({"h":"v"})";
    const Lease lease = t.start(job);
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    Lease expected = lease;
    expected.job.payload.clear();
    expected.job.headers.clear();
    EXPECT_EQ(lapses.front().lease, expected);
}

CONTRACT_CASE(LapseContract, NobodyIsBlamedForALeaseThatRanOut) {
    t.start("a");
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    EXPECT_FALSE(lapses.front().cause.died);
    EXPECT_FALSE(lapses.front().cause.started);
    EXPECT_EQ(t.settle(lapses.front().lease, lapses.front().cause), Moved::applied);
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.standing("a").attempt, 0) << "the handler was never entered";
    EXPECT_FALSE(t.standing("a").suspect);
    EXPECT_EQ(t.standing("a").due_at, t.now());
}

CONTRACT_CASE(LapseContract, AMarkSaysThatTheHandlerWasEntered) {
    t.add_all({"a", "b", "c"});
    const auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    t.store.mark_started(0, leases[0].standing.token, false);
    t.store.mark_started(kSlotsMax - 1, leases[1].standing.token, true);
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 3U);
    EXPECT_TRUE(lapses[0].cause.started);
    EXPECT_FALSE(lapses[0].cause.as_suspect);
    EXPECT_TRUE(lapses[1].cause.started);
    EXPECT_TRUE(lapses[1].cause.as_suspect);
    EXPECT_FALSE(lapses[2].cause.started);
    t.settle(lapses[0].lease, lapses[0].cause);
    EXPECT_EQ(t.standing("a").attempt, 1) << "a start that counts";
}

CONTRACT_CASE(LapseContract, AMarkIsGoneWhenItsSlotEndedOrHasAnother) {
    t.add_all({"a", "b", "c"});
    const auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    t.store.mark_started(1, leases[0].standing.token, false);
    t.store.mark_ended(1);
    t.store.mark_started(2, leases[1].standing.token, false);
    t.store.mark_started(2, leases[2].standing.token, false);
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 3U);
    EXPECT_FALSE(lapses[0].cause.started);
    EXPECT_FALSE(lapses[1].cause.started);
    EXPECT_TRUE(lapses[2].cause.started);
}

CONTRACT_CASE(LapseContract, AMarkBelongsToOneToken) {
    const Lease first = t.start("a");
    t.store.mark_started(0, first.standing.token, false);
    t.settle(first, job::Release{});
    t.take_one();
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    EXPECT_FALSE(lapses.front().cause.started);
}

CONTRACT_CASE(LapseContract, TakenBackJobsRunAgainAndOldHoldersAreLost) {
    const Lease first = t.start("a");
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    t.settle(lapses.front().lease, Lapsed{false, false, true, false});
    EXPECT_TRUE(lapsed_ids(t).empty());
    const Lease second = t.take_one();
    EXPECT_EQ(second.standing.attempt, 2);
    EXPECT_EQ(t.renew(first), Renewed::lost);
    EXPECT_EQ(t.settle(first, job::Done{}), Moved::lost);
    EXPECT_EQ(t.settle(second, job::Done{}), Moved::applied);
}

CONTRACT_CASE(LapseContract, RetiringDoesNotEndLeases) {
    t.announce("w1");
    t.start("a");
    ok(t.store.retire("w1"));
    EXPECT_TRUE(lapsed_ids(t).empty());
    t.clock.advance(Bench::kLeaseMs);
    EXPECT_EQ(lapsed_ids(t), (Ids{"a"}));
}

CONTRACT_CASE(LapseContract, LimitsAreChecked) {
    refused(t.store.lapsed(0), "limit");
    refused(t.store.lapsed(static_cast<int>(kBatchJobs) + 1), "limit");
}

// --- Workers that are known to have died --------------------------------------------------------------------------
CONTRACT_CASE(LapseContract, ADeadWorkersLeasesLapseAtOnce) {
    ASSERT_TRUE(t.hooks.set_fate != nullptr) << "every store of the contract has this hook";
    t.add_all({"started", "delivered", "other"});
    const auto leases = t.take(2);
    ASSERT_EQ(leases.size(), 2U);
    Claim claim = Bench::claim_of(1);
    claim.worker = "w2";
    EXPECT_EQ(ids(t.claim(claim).leases), (Ids{"other"}));
    t.store.mark_started(0, leases[0].standing.token, false);
    t.hooks.set_fate("w1", Lapsed{true, false, false, false});
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 2U);
    EXPECT_TRUE(lapses[0].cause.died);
    EXPECT_TRUE(lapses[0].cause.started);
    EXPECT_TRUE(lapses[1].cause.died);
    EXPECT_FALSE(lapses[1].cause.started);
    for (const Lapse& lapse : lapses) {
        EXPECT_EQ(t.settle(lapse.lease, lapse.cause), Moved::applied);
    }
    EXPECT_TRUE(t.standing("started").suspect);
    EXPECT_EQ(t.standing("started").attempt, 1);
    EXPECT_FALSE(t.standing("delivered").suspect);
    EXPECT_EQ(t.standing("delivered").attempt, 0);
    EXPECT_EQ(t.state("other"), running);
}

CONTRACT_CASE(LapseContract, ExplainedDeathsCostNothing) {
    ASSERT_TRUE(t.hooks.set_fate != nullptr) << "every store of the contract has this hook";
    const Lease lease = t.start("a");
    t.store.mark_started(0, lease.standing.token, true);
    t.hooks.set_fate("w1", Lapsed{true, true, false, false});
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    EXPECT_TRUE(lapses.front().cause.explained);
    t.settle(lapses.front().lease, lapses.front().cause);
    EXPECT_FALSE(t.standing("a").suspect);
    EXPECT_EQ(t.standing("a").crashes, 0);
}

CONTRACT_CASE(LapseContract, OneKillerAmongInnocentsIsFound) {
    ASSERT_TRUE(t.hooks.set_fate != nullptr) << "every store of the contract has this hook";
    t.add_all({"killer", "i1", "i2", "i3"});
    // Four processes die one after the other; each runs what it may, at most one suspect, and dies if the killer runs.
    for (int round = 0; round < 4; ++round) {
        Claim claim = Bench::claim_of(4);
        claim.worker = "p" + std::to_string(round);
        claim.suspects = Suspects::at_most_one;
        const auto leases = t.claim(claim).leases;
        int slot = 0;
        for (const Lease& lease : leases) {
            t.store.mark_started(slot++, lease.standing.token, lease.standing.suspect);
        }
        t.hooks.set_fate(claim.worker, Lapsed{true, false, false, false});
        for (const Lapse& lapse : ok(t.store.lapsed(10))) {
            t.settle(lapse.lease, lapse.cause);
        }
    }
    EXPECT_EQ(t.state("killer"), quarantined);
    for (const std::string innocent : {"i1", "i2", "i3"}) {
        EXPECT_EQ(t.state(innocent), ready);
        EXPECT_EQ(t.standing(innocent).crashes, 0);
    }
}

}  // namespace khala::store::contract
