#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(RenewContract);

CONTRACT_CASE(RenewContract, ExtendsTheLeaseFromNow) {
    const Lease lease = t.start("a");
    t.clock.advance(10'000);
    EXPECT_EQ(t.renew(lease, 20'000), Renewed::ok);
    EXPECT_EQ(t.standing("a").lease_until, t.clock.lease_ms() + 20'000);
    t.clock.advance(Bench::kLeaseMs);
    EXPECT_TRUE(ok(t.store.lapsed(10)).empty());
}

CONTRACT_CASE(RenewContract, ChangesNothingElse) {
    const Lease lease = t.start("a");
    Standing expected = t.standing("a");
    t.clock.advance(100);
    t.renew(lease);
    expected.lease_until += 100;
    EXPECT_EQ(t.standing("a"), expected);
}

CONTRACT_CASE(RenewContract, ZeroOnlyAsks) {
    const Lease lease = t.start("a");
    const Standing before = t.standing("a");
    t.clock.advance(100);
    EXPECT_EQ(t.renew(lease, 0), Renewed::ok);
    EXPECT_EQ(t.standing("a"), before);
}

CONTRACT_CASE(RenewContract, CarriesProgress) {
    const Lease lease = t.start("a");
    EXPECT_EQ(t.renew(lease, 0, Progress{3, 10, "third of ten"}), Renewed::ok);
    EXPECT_EQ(t.standing("a").progress_count, 3);
    EXPECT_EQ(t.standing("a").progress_total, 10);
    EXPECT_EQ(t.standing("a").progress_message, "third of ten");
    t.renew(lease);
    EXPECT_EQ(t.standing("a").progress_count, 3) << "a renewal without progress keeps the last";
    t.settle(lease, job::Done{});
    EXPECT_EQ(t.standing("a").progress_count, 3) << "and so does the end";
}

CONTRACT_CASE(RenewContract, AWrongTokenIsLostAndWritesNothing) {
    Lease lease = t.start("a");
    const Standing before = t.standing("a");
    lease.standing.token += 1;
    EXPECT_EQ(t.renew(lease, 60'000, Progress{1, 1, "x"}), Renewed::lost);
    EXPECT_EQ(t.standing("a"), before);
}

CONTRACT_CASE(RenewContract, WhatIsNotRunningIsLost) {
    const Lease lease = t.start("a");
    t.settle(lease, job::Release{});
    EXPECT_EQ(t.renew(lease), Renewed::lost);
    EXPECT_EQ(t.state("a"), ready);
    const Lease again = t.take_one();
    t.settle(again, job::Done{});
    EXPECT_EQ(t.renew(again), Renewed::lost);
    t.manage(Verb::remove, "a");
    EXPECT_EQ(t.renew(again), Renewed::lost);
}

CONTRACT_CASE(RenewContract, AnOldHolderCannotRenewTheNextOnesLease) {
    const Lease first = t.start("a");
    t.settle(first, Lapsed{});
    const Lease second = t.take_one();
    const Standing before = t.standing("a");
    t.clock.advance(10);
    EXPECT_EQ(t.renew(first, 60'000), Renewed::lost);
    EXPECT_EQ(t.standing("a"), before);
    EXPECT_EQ(t.renew(second), Renewed::ok);
}

CONTRACT_CASE(RenewContract, ALeaseThatRanOutIsRenewedUnlessItWasTakenBack) {
    const Lease lease = t.start("a");
    t.clock.advance(Bench::kLeaseMs * 3);
    EXPECT_EQ(t.renew(lease), Renewed::ok);
    EXPECT_TRUE(ok(t.store.lapsed(10)).empty());
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::applied);
}

CONTRACT_CASE(RenewContract, ARenewalBetweenReadingAndTakingBackWins) {
    const Lease lease = t.start("a");
    t.clock.advance(Bench::kLeaseMs);
    const auto lapses = ok(t.store.lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    const Move move = t.decide(lapses.front().lease, lapses.front().cause);
    EXPECT_EQ(t.renew(lease), Renewed::ok);
    EXPECT_EQ(t.apply(move), Moved::lost);
    EXPECT_EQ(t.state("a"), running);
    EXPECT_EQ(t.row("a").history.size(), 1U);
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::applied);
}

CONTRACT_CASE(RenewContract, TellsOfACancellationAndStillExtends) {
    const Lease lease = t.start("a");
    t.manage(Verb::cancel, "a");
    t.clock.advance(500);
    EXPECT_EQ(t.renew(lease), Renewed::cancel_requested);
    EXPECT_EQ(t.standing("a").lease_until, t.clock.lease_ms() + Bench::kLeaseMs);
    EXPECT_EQ(t.renew(lease, 0), Renewed::cancel_requested);
}

CONTRACT_CASE(RenewContract, ABatchIsAnsweredInItsOrder) {
    t.add_all({"a", "b", "c"});
    const auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    t.manage(Verb::cancel, "b");
    t.settle(leases[0], job::Done{});
    const std::vector<Renewal> renewals{{leases[2].ref, "c", leases[2].standing.token, std::nullopt},
                                        {0, "nobody", 1, std::nullopt},
                                        {0, "b", leases[1].standing.token, std::nullopt},
                                        {leases[0].ref, "a", leases[0].standing.token, std::nullopt}};
    EXPECT_EQ(ok(t.store.renew(renewals, 1'000)),
              (std::vector{Renewed::ok, Renewed::lost, Renewed::cancel_requested, Renewed::lost}));
    EXPECT_TRUE(ok(t.store.renew({}, 1'000)).empty());
}

CONTRACT_CASE(RenewContract, ANegativeLengthIsRefused) {
    const Lease lease = t.start("a");
    const Renewal renewal{lease.ref, "a", lease.standing.token, std::nullopt};
    refused(t.store.renew({&renewal, 1}, -1), "lease_ms");
}

}  // namespace khala::store::contract
