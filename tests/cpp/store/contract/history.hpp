#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(HistoryContract);

inline Ids outcomes(const JobRow& row) {
    Ids all;
    for (const Attempt& attempt : row.history) {
        all.push_back(attempt.outcome);
    }
    return all;
}

CONTRACT_CASE(HistoryContract, ANewJobHasNone) {
    t.add_all({"a"});
    EXPECT_TRUE(t.row("a").history.empty());
}

CONTRACT_CASE(HistoryContract, ARunningAttemptIsInIt) {
    const Lease lease = t.start("a");
    const JobRow row = t.row("a");
    ASSERT_EQ(row.history.size(), 1U);
    const Attempt& attempt = row.history.front();
    EXPECT_EQ(attempt.number, 1);
    EXPECT_EQ(attempt.outcome, "running");
    EXPECT_EQ(attempt.started_at, t.now());
    EXPECT_EQ(attempt.ended_at, 0);
    EXPECT_EQ(attempt.worker, "w1");
    EXPECT_EQ(attempt.token, lease.standing.token);
}

CONTRACT_CASE(HistoryContract, AnEndedAttemptSaysHow) {
    const Lease lease = t.start("a");
    const Millis started_at = t.now();
    t.clock.advance(70);
    Move move = t.decide(lease, Bench::failure("KeyError"));
    move.cpu_ms = 61;
    move.peak_memory_bytes = 12'345'678;
    EXPECT_EQ(t.apply(move), Moved::applied);
    const JobRow row = t.row("a");
    ASSERT_EQ(row.history.size(), 1U);
    const Attempt& attempt = row.history.front();
    EXPECT_EQ(attempt.number, 1);
    EXPECT_EQ(attempt.outcome, "failed");
    EXPECT_EQ(attempt.started_at, started_at);
    EXPECT_EQ(attempt.ended_at, t.now());
    EXPECT_EQ(attempt.worker, "w1");
    EXPECT_NE(attempt.error.find("KeyError"), std::string::npos);
    EXPECT_EQ(attempt.cpu_ms, 61);
    EXPECT_EQ(attempt.peak_memory_bytes, 12'345'678);
    EXPECT_EQ(attempt.token, lease.standing.token);
    EXPECT_EQ(attempt.result, "");
}

CONTRACT_CASE(HistoryContract, EveryAttemptIsKeptOldestFirst) {
    t.add(Bench::retried_job("a", 5));
    const std::vector<std::pair<job::Outcome, std::string>> ends{{Bench::failure(), "failed"},
                                                                 {job::Failure{{"T"}, "{}", true}, "timed_out"},
                                                                 {job::RetryAfter{0, "", ""}, "retried"},
                                                                 {job::Snooze{0, ""}, "snoozed"},
                                                                 {job::Release{}, "released"},
                                                                 {Lapsed{}, "lapsed"},
                                                                 {job::Done{"1"}, "completed"}};
    Ids expected;
    for (const auto& [outcome, name] : ends) {
        t.clock.advance(5'000);
        t.settle(t.take_one(), outcome);
        expected.push_back(name);
    }
    const JobRow row = t.row("a");
    EXPECT_EQ(outcomes(row), expected);
    for (std::size_t i = 1; i < row.history.size(); ++i) {
        EXPECT_GT(row.history[i].token, row.history[i - 1].token);
        EXPECT_GE(row.history[i].started_at, row.history[i - 1].ended_at);
    }
    EXPECT_EQ(row.history[0].number, 1);
    EXPECT_EQ(row.history[3].number, 4) << "snoozed";
    EXPECT_EQ(row.history[4].number, 4) << "the snoozed attempt was given back";
    EXPECT_EQ(row.history[5].number, 4) << "the released one, too";
    EXPECT_EQ(row.history[6].number, 4) << "and the lapsed one, which never started";
}

CONTRACT_CASE(HistoryContract, TheErrorOfAnAttemptStaysWithIt) {
    t.add(Bench::retried_job("a", 5));
    t.settle(t.take_one(), Bench::failure("First"));
    t.clock.advance(1'000);
    t.settle(t.take_one(), job::Release{});
    t.settle(t.take_one(), Bench::failure("Second"));
    const JobRow row = t.row("a");
    ASSERT_EQ(row.history.size(), 3U);
    EXPECT_NE(row.history[0].error.find("First"), std::string::npos);
    EXPECT_EQ(row.history[1].error, "");
    EXPECT_NE(row.history[2].error.find("Second"), std::string::npos);
    EXPECT_NE(row.standing.error.find("Second"), std::string::npos);
}

CONTRACT_CASE(HistoryContract, IsBounded) {
    t.add_all({"a"});
    constexpr int kRuns = static_cast<int>(kHistoryCount) + 7;
    Token last = 0;
    for (int run = 0; run < kRuns; ++run) {
        const Lease lease = t.take_one();
        last = lease.standing.token;
        t.settle(lease, Lapsed{false, false, true, false});
    }
    JobRow row = t.row("a");
    ASSERT_EQ(row.history.size(), kHistoryCount);
    EXPECT_EQ(row.history.front().number, 8);
    EXPECT_EQ(row.history.back().number, kRuns);
    EXPECT_EQ(row.history.back().token, last);
    t.take_one();
    row = t.row("a");
    ASSERT_EQ(row.history.size(), kHistoryCount);
    EXPECT_EQ(row.history.front().number, 9);
    EXPECT_EQ(row.history.back().outcome, "running");
}

CONTRACT_CASE(HistoryContract, OnlyWhenAskedFor) {
    t.start("a");
    const std::string id = "a";
    EXPECT_TRUE(ok(t.store.get({&id, 1}, false)).front()->history.empty());
    ListQuery query;
    EXPECT_TRUE(ok(t.store.list(query)).rows.front().history.empty());
    query.with_history = true;
    EXPECT_EQ(ok(t.store.list(query)).rows.front().history, t.row("a").history);
    EXPECT_EQ(t.row("a").history.size(), 1U);
}

CONTRACT_CASE(HistoryContract, GoesOnAfterARequeue) {
    t.settle(t.start("a"), Bench::failure());
    t.manage(Verb::requeue, "a");
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"failed"}));
    t.settle(t.take_one(), job::Done{});
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"failed", "completed"}));
    EXPECT_EQ(t.row("a").history.back().number, 2);
}

// --- Late notes -------------------------------------------------------------------------------------------------
CONTRACT_CASE(HistoryContract, ALateResultIsNotedBesideItsAttempt) {
    const Lease first = t.start("a");
    t.settle(first, Lapsed{false, false, true, false});
    const Lease second = t.take_one();
    t.clock.advance(30);
    EXPECT_EQ(t.settle(first, job::Done{R"({"late":true})"}), Moved::lost);
    const JobRow row = t.row("a");
    EXPECT_EQ(outcomes(row), (Ids{"lapsed", "late completed", "running"}));
    const Attempt& note = row.history[1];
    EXPECT_EQ(note.number, 1);
    EXPECT_EQ(note.token, first.standing.token);
    EXPECT_EQ(note.worker, "w1");
    EXPECT_EQ(note.started_at, 0);
    EXPECT_EQ(note.ended_at, t.now());
    EXPECT_EQ(note.result, R"({"late":true})");
    t.settle(second, job::Done{"1"});
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"lapsed", "late completed", "completed"}));
}

CONTRACT_CASE(HistoryContract, ALateErrorIsNoted) {
    const Lease first = t.start("a");
    t.settle(first, Lapsed{});
    EXPECT_EQ(t.settle(first, Bench::failure("TooLate")), Moved::lost);
    const JobRow row = t.row("a");
    EXPECT_EQ(outcomes(row), (Ids{"lapsed", "late failed"}));
    EXPECT_NE(row.history[1].error.find("TooLate"), std::string::npos);
    EXPECT_EQ(row.standing.error, "");
}

CONTRACT_CASE(HistoryContract, ANoteOnAClosedJobFollowsItsAttempt) {
    const Lease lease = t.start("a");
    t.settle(lease, Bench::failure());
    t.clock.advance(1);
    EXPECT_EQ(t.settle(lease, job::Done{"1"}), Moved::lost);
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"failed", "late completed"}));
    EXPECT_EQ(t.state("a"), failed);
}

CONTRACT_CASE(HistoryContract, TheSameNoteIsMadeOnce) {
    const Lease lease = t.start("a");
    t.settle(lease, Lapsed{});
    const Move late = t.decide(lease, job::Done{"1"});
    EXPECT_EQ(t.apply(late), Moved::lost);
    EXPECT_EQ(t.apply(late), Moved::lost);
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"lapsed", "late completed"}));
}

CONTRACT_CASE(HistoryContract, ReapersAndReleasesBringNoNews) {
    const Lease lease = t.start("a");
    const Move twice = t.decide(lease, Lapsed{});
    t.settle(lease, Lapsed{});
    t.clock.advance(1);
    EXPECT_EQ(t.settle(lease, job::Release{}), Moved::lost);
    EXPECT_EQ(t.settle(lease, Lapsed{}), Moved::lost);
    EXPECT_EQ(outcomes(t.row("a")), (Ids{"lapsed"}));
    EXPECT_EQ(t.apply(twice), Moved::applied) << "the first one, repeated";
}

CONTRACT_CASE(HistoryContract, AnUnknownTokensOutcomeIsNotedToo) {
    Lease lease = t.start("a");
    const Token own = lease.standing.token;
    lease.standing.token = own + 5;
    EXPECT_EQ(t.settle(lease, job::Done{"1"}), Moved::lost);
    const JobRow row = t.row("a");
    EXPECT_EQ(outcomes(row), (Ids{"running", "late completed"}));
    EXPECT_EQ(row.history[1].token, own + 5);
    EXPECT_EQ(row.history[1].worker, "");
    EXPECT_EQ(row.history[1].number, 1);
}

CONTRACT_CASE(HistoryContract, ALargeLateResultIsReplacedByItsSize) {
    const Lease lease = t.start("a");
    t.settle(lease, Lapsed{});
    const std::string fits = "\"" + std::string(job::kLateResultBytes - 2, 'x') + "\"";
    t.settle(lease, job::Done{fits});
    t.clock.advance(1);
    t.settle(lease, job::Done{fits + " "});
    const JobRow row = t.row("a");
    ASSERT_EQ(outcomes(row), (Ids{"lapsed", "late completed", "late completed"}));
    EXPECT_EQ(row.history[1].result, fits);
    EXPECT_EQ(row.history[2].result, "{\"omitted_bytes\":16385}");
}

CONTRACT_CASE(HistoryContract, NotesCountAgainstTheBound) {
    const Lease lease = t.start("a");
    t.settle(lease, Lapsed{false, false, true, false});
    t.take_one();
    for (std::size_t i = 0; i < kHistoryCount + 3; ++i) {
        t.clock.advance(1);
        t.settle(lease, job::Done{std::to_string(i)});
    }
    const JobRow row = t.row("a");
    ASSERT_EQ(row.history.size(), kHistoryCount);
    EXPECT_EQ(row.history.back().outcome, "running");
    EXPECT_EQ(row.history.front().outcome, "late completed");
    EXPECT_EQ(row.history[kHistoryCount - 2].result, std::to_string(kHistoryCount + 2));
}

}  // namespace khala::store::contract
