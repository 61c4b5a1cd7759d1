#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(SettleContract);

CONTRACT_CASE(SettleContract, DoneCompletesTheJob) {
    const Lease lease = t.start("a");
    t.clock.advance(250);
    EXPECT_EQ(t.settle(lease, job::Done{R"({"n":1})"}), Moved::applied);
    const Standing standing = t.standing("a");
    EXPECT_EQ(standing.state, completed);
    EXPECT_EQ(standing.result, R"({"n":1})");
    EXPECT_EQ(standing.closed_at, t.now());
    EXPECT_EQ(standing.keep_until, t.now() + Bench::kTtlMs);
    EXPECT_EQ(standing.lease_until, 0);
    EXPECT_EQ(standing.token, lease.standing.token);
    EXPECT_EQ(standing.worker, "w1");
    EXPECT_EQ(standing.attempt, 1);
}

CONTRACT_CASE(SettleContract, AFailureKeepsItsError) {
    const Lease lease = t.start("a");
    EXPECT_EQ(t.settle(lease, Bench::failure("KeyError")), Moved::applied);
    const Standing standing = t.standing("a");
    EXPECT_EQ(standing.state, failed);
    EXPECT_EQ(standing.failures, 1);
    EXPECT_NE(standing.error.find("KeyError"), std::string::npos);
    EXPECT_EQ(standing.keep_until, t.now() + job::kDeadLetterTtlMs);
    EXPECT_EQ(standing.result, "");
}

CONTRACT_CASE(SettleContract, ACancelOutcomeKeepsItsReason) {
    const Lease lease = t.start("a");
    EXPECT_EQ(t.settle(lease, job::Cancel{"not needed"}), Moved::applied);
    EXPECT_EQ(t.state("a"), cancelled);
    EXPECT_EQ(t.standing("a").reason, "not needed");
}

CONTRACT_CASE(SettleContract, CompletionClearsTheLatestError) {
    Lease lease = t.start(Bench::retried_job("a"));
    t.settle(lease, Bench::failure());
    EXPECT_NE(t.standing("a").error, "");
    t.clock.advance(1'000);
    lease = t.take_one();
    t.settle(lease, job::Done{"1"});
    EXPECT_EQ(t.standing("a").error, "");
    EXPECT_EQ(t.standing("a").failures, 1);
}

CONTRACT_CASE(SettleContract, AnOutcomeWithoutErrorLeavesTheLatest) {
    Lease lease = t.start(Bench::retried_job("a"));
    t.settle(lease, Bench::failure());
    t.clock.advance(1'000);
    lease = t.take_one();
    t.settle(lease, job::Release{});
    EXPECT_NE(t.standing("a").error.find("OSError"), std::string::npos);
}

CONTRACT_CASE(SettleContract, AWrongTokenIsLost) {
    Lease lease = t.start("a");
    const JobRow before = t.row("a");
    lease.standing.token += 1;
    EXPECT_EQ(t.settle(lease, job::Release{}), Moved::lost);
    EXPECT_EQ(t.row("a"), before);
    lease.standing.token = 0;
    EXPECT_EQ(t.settle(lease, job::Release{}), Moved::lost);
    EXPECT_EQ(t.row("a"), before);
}

CONTRACT_CASE(SettleContract, ALateHolderCannotEndTheNextOnesAttempt) {
    const Lease first = t.start("a");
    t.settle(first, Lapsed{});
    const Lease second = t.take_one();
    EXPECT_EQ(t.settle(first, job::Done{"\"late\""}), Moved::lost);
    EXPECT_EQ(t.state("a"), running);
    EXPECT_EQ(t.standing("a").token, second.standing.token);
    EXPECT_EQ(t.settle(second, job::Done{"\"right\""}), Moved::applied);
    EXPECT_EQ(t.standing("a").result, "\"right\"");
}

CONTRACT_CASE(SettleContract, ALateHolderCannotMoveAReadyJob) {
    const Lease lease = t.start("a");
    t.settle(lease, Lapsed{});
    EXPECT_EQ(t.settle(lease, job::Done{"1"}), Moved::lost);
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.take(1).size(), 1U);
}

CONTRACT_CASE(SettleContract, ALateHolderCannotReopenAClosedJob) {
    const Lease first = t.start(Bench::retried_job("a"));
    t.settle(first, Lapsed{});
    const Lease second = t.take_one();
    t.settle(second, job::Done{"1"});
    EXPECT_EQ(t.settle(first, Bench::failure()), Moved::lost);
    EXPECT_EQ(t.settle(first, job::Release{}), Moved::lost);
    EXPECT_EQ(t.state("a"), completed);
    EXPECT_EQ(t.standing("a").failures, 0);
}

CONTRACT_CASE(SettleContract, ALeaseThatRanOutButWasNotTakenBackStillCounts) {
    const Lease lease = t.start("a");
    t.clock.advance(Bench::kLeaseMs * 10);
    EXPECT_EQ(t.settle(lease, job::Done{"1"}), Moved::applied);
    EXPECT_EQ(t.state("a"), completed);
}

CONTRACT_CASE(SettleContract, RepeatingAMoveIsSafe) {
    const Lease lease = t.start("a");
    Move move = t.decide(lease, job::Done{"1"});
    move.outbox = {{"elsewhere", "{}"}};
    EXPECT_EQ(t.apply(move), Moved::applied);
    const JobRow after = t.row("a");
    t.clock.advance(5);
    EXPECT_EQ(t.apply(move), Moved::applied);
    EXPECT_EQ(t.row("a"), after);
    EXPECT_EQ(ok(t.store.task_counters()).front().runs, 1);
    EXPECT_EQ(ok(t.store.outbox(10)).size(), 1U);
}

CONTRACT_CASE(SettleContract, RepeatingARetryIsSafeEvenWhenTheJobRunsAgain) {
    const Lease lease = t.start(Bench::retried_job("a"));
    const Move move = t.decide(lease, Bench::failure());
    EXPECT_EQ(t.apply(move), Moved::applied);
    EXPECT_EQ(t.apply(move), Moved::applied);
    EXPECT_EQ(t.standing("a").failures, 1);
    t.clock.advance(1'000);
    t.take_one();
    const JobRow before = t.row("a");
    EXPECT_EQ(t.apply(move), Moved::applied);
    EXPECT_EQ(t.row("a"), before);
}

CONTRACT_CASE(SettleContract, TheSecondOfTwoMovesIsLost) {
    const Lease lease = t.start("a");
    const std::vector moves{t.decide(lease, job::Done{"1"}), t.decide(lease, Bench::failure())};
    EXPECT_EQ(t.apply(moves), (std::vector{Moved::applied, Moved::lost}));
    EXPECT_EQ(t.state("a"), completed);
    EXPECT_EQ(t.count(completed), 1);
    EXPECT_EQ(t.count(failed), 0);
}

CONTRACT_CASE(SettleContract, UnknownJobsAreMissing) {
    Lease lease = t.start("a");
    lease.job.id = "b";
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::missing) << "the ref is a hint, the id counts";
    EXPECT_EQ(t.state("a"), running);
}

CONTRACT_CASE(SettleContract, RemovedJobsAreMissing) {
    const Lease lease = t.start("a");
    t.settle(lease, job::Done{});
    t.manage(Verb::remove, "a");
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::missing);
    EXPECT_EQ(t.find("a"), std::nullopt);
}

CONTRACT_CASE(SettleContract, TheRefIsAHintOnly) {
    t.add_all({"a", "b", "c"});
    auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    leases[0].ref = 0;
    leases[1].ref = leases[2].ref;
    leases[2].ref = 1'000'000;
    for (const Lease& lease : leases) {
        EXPECT_EQ(t.settle(lease, job::Done{"\"" + lease.job.id + "\""}), Moved::applied);
        EXPECT_EQ(t.standing(lease.job.id).result, "\"" + lease.job.id + "\"");
    }
}

CONTRACT_CASE(SettleContract, ABatchIsAnsweredInItsOrder) {
    t.add_all({"a", "b", "c"});
    const auto leases = t.take(3);
    ASSERT_EQ(leases.size(), 3U);
    Lease wrong_token = leases[1];
    wrong_token.standing.token += 1'000;
    Lease unknown = leases[2];
    unknown.job.id = "x";
    unknown.ref = 0;
    const std::vector moves{t.decide(unknown, job::Done{}), t.decide(leases[0], job::Done{}),
                            t.decide(wrong_token, job::Done{}), t.decide(leases[2], Bench::failure())};
    EXPECT_EQ(t.apply(moves), (std::vector{Moved::missing, Moved::applied, Moved::lost, Moved::applied}));
    EXPECT_EQ(t.state("a"), completed);
    EXPECT_EQ(t.state("b"), running);
    EXPECT_EQ(t.state("c"), failed);
}

CONTRACT_CASE(SettleContract, MovesOfWaitingJobsNeedTheStateOnly) {
    NewJob job = Bench::job("a");
    job.task = "nobody";
    t.add(job);
    const auto found = ok(t.store.unroutable(std::vector<std::string>{"q"}, 10));
    ASSERT_EQ(found.size(), 1U);
    const Move move = t.decide(found.front(), job::Unroutable{});
    EXPECT_EQ(t.apply(move), Moved::applied);
    EXPECT_EQ(t.state("a"), parked);
    EXPECT_EQ(t.apply(move), Moved::lost) << "it is not ready any more";
    EXPECT_TRUE(t.row("a").history.empty());
}

CONTRACT_CASE(SettleContract, MovesOutsideTheTableAreRefusedWhole) {
    t.add_all({"a", "b"});
    const auto leases = t.take(2);
    ASSERT_EQ(leases.size(), 2U);
    const Move good = t.decide(leases[0], job::Done{});
    const auto wrong = [&](auto&& spoil) {
        Move bad = t.decide(leases[1], job::Done{});
        spoil(bad);
        const std::vector moves{good, bad};
        refused(t.store.exchange({.inserts = {}, .moves = moves, .claim = nullptr}), "move");
        EXPECT_EQ(t.state("a"), running) << "nothing of it happened";
    };
    wrong([](Move& m) { m.to = blocked; });
    wrong([](Move& m) { m.to = running; });
    wrong([](Move& m) { m.from = completed; });
    wrong([](Move& m) { m.ending = Ending::none; });
    wrong([](Move& m) { m.id = ""; });
    EXPECT_EQ(t.apply(good), Moved::applied);
}

CONTRACT_CASE(SettleContract, AThousandAtOnce) {
    std::vector<NewJob> jobs;
    for (int i = 0; i < 1'000; ++i) {
        jobs.push_back(Bench::job("j" + std::to_string(i)));
    }
    t.add_group(jobs);
    std::vector<Move> moves;
    for (const Lease& lease : t.take(1'000)) {
        moves.push_back(t.decide(lease, job::Done{"1"}));
    }
    EXPECT_EQ(t.apply(moves), (std::vector<Moved>(1'000, Moved::applied)));
    EXPECT_EQ(t.count(completed), 1'000);
    EXPECT_EQ(t.count(running), 0);
}

// --- A request to cancel that the holder did not know of ----------------------------------------------------------
CONTRACT_CASE(SettleContract, ARequestedCancellationWinsOverARetry) {
    const std::vector<job::Outcome> outcomes{Bench::failure(), job::RetryAfter{}, job::Snooze{10, ""},
                                             job::Release{},   Lapsed{},          Bench::death()};
    for (const job::Outcome& outcome : outcomes) {
        const std::string id = "j" + std::to_string(&outcome - outcomes.data());
        const Lease lease = t.start(Bench::retried_job(id));
        EXPECT_EQ(t.manage(Verb::cancel, id, "too slow", "ops"), Managed::requested);
        EXPECT_EQ(t.settle(lease, outcome), Moved::cancelled) << id;
        EXPECT_EQ(t.state(id), cancelled) << id;
        EXPECT_EQ(t.standing(id).reason, "cancelled by ops: too slow");
        EXPECT_EQ(t.standing(id).keep_until, t.now() + Bench::kTtlMs);
        EXPECT_FALSE(t.standing(id).cancel_requested);
    }
}

CONTRACT_CASE(SettleContract, ARequestedCancellationDoesNotDiscardAResult) {
    const Lease lease = t.start("a");
    t.manage(Verb::cancel, "a");
    EXPECT_EQ(t.settle(lease, job::Done{"1"}), Moved::applied);
    EXPECT_EQ(t.state("a"), completed);
    EXPECT_EQ(t.standing("a").result, "1");
    EXPECT_FALSE(t.standing("a").cancel_requested);
}

CONTRACT_CASE(SettleContract, AHolderThatObeysIsAnsweredApplied) {
    Lease lease = t.start("a");
    t.manage(Verb::cancel, "a", "", "ops");
    lease.standing.cancel_requested = true;
    EXPECT_EQ(t.settle(lease, job::Cancel{""}), Moved::applied);
    EXPECT_EQ(t.standing("a").reason, "cancelled by ops");
}

CONTRACT_CASE(SettleContract, TheRequestEndsWithTheAttempt) {
    const Lease lease = t.start(Bench::retried_job("a"));
    t.manage(Verb::cancel, "a");
    t.settle(lease, Bench::failure());
    EXPECT_EQ(t.manage(Verb::requeue, "a"), Managed::done);
    const Lease again = t.take_one();
    EXPECT_EQ(t.renew(again), Renewed::ok);
    EXPECT_EQ(t.settle(again, Bench::failure()), Moved::applied);
    EXPECT_EQ(t.state("a"), scheduled);
}

}  // namespace khala::store::contract
