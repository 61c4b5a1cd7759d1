#pragma once

#include "store/contract/bench.hpp"
#include "store/contract/rows.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(ImportContract);

CONTRACT_CASE(ImportContract, AClosedRowComesOverWhole) {
    JobRow row = closed_row("a");
    EXPECT_EQ(t.import({row}), (std::vector{Inserted::inserted}));
    const JobRow got = t.row("a");
    row.ref = got.ref;
    row.standing.order_key = got.standing.order_key;
    EXPECT_EQ(got, row);
    EXPECT_EQ(t.count(completed), 1);
}

CONTRACT_CASE(ImportContract, AWaitingRowIsClaimedAndKeepsItsCounts) {
    JobRow row = waiting_row("a");
    row.standing.attempt = 3;
    row.standing.failures = 2;
    row.standing.token = 900;
    row.standing.error = R"({"type":"E"})";
    Attempt attempt;
    attempt.number = 3;
    attempt.outcome = "failed";
    attempt.ended_at = 900;
    attempt.token = 900;
    row.history = {attempt};
    EXPECT_EQ(t.import({row}), (std::vector{Inserted::inserted}));
    const Lease lease = t.take_one();
    EXPECT_EQ(lease.standing.attempt, 4);
    EXPECT_EQ(lease.standing.failures, 2);
    t.settle(lease, job::Done{});
    const JobRow done = t.row("a");
    ASSERT_EQ(done.history.size(), 2U);
    EXPECT_EQ(done.history[0], attempt);
    EXPECT_EQ(done.history[1].outcome, "completed");
}

CONTRACT_CASE(ImportContract, LaterTokensAreLargerThanImportedOnes) {
    JobRow row = closed_row("a");
    row.history.back().token = 70'000;
    t.import({row});
    EXPECT_GT(t.start("b").standing.token, 70'000);
}

CONTRACT_CASE(ImportContract, EveryStateButRunning) {
    std::vector<JobRow> rows;
    for (const State state : {scheduled, ready, blocked, parked}) {
        rows.push_back(waiting_row(std::string{job::name(state)}, state));
    }
    for (const State state : {completed, failed, cancelled, expired, quarantined}) {
        rows.push_back(closed_row(std::string{job::name(state)}));
        rows.back().standing.state = state;
    }
    EXPECT_EQ(t.import(rows), (std::vector<Inserted>(9, Inserted::inserted)));
    for (const JobRow& row : rows) {
        EXPECT_EQ(t.state(row.job.id), row.standing.state);
        EXPECT_EQ(t.count(row.standing.state), 1);
    }
}

CONTRACT_CASE(ImportContract, ARunningRowSpoilsItsGroup) {
    EXPECT_EQ(t.import({waiting_row("a"), waiting_row("b", running)}),
              (std::vector{Inserted::refused, Inserted::refused}));
    JobRow torn = waiting_row("c");
    Attempt attempt;
    attempt.outcome = "running";
    torn.history = {attempt};
    EXPECT_EQ(t.import({torn}), (std::vector{Inserted::refused}));
    EXPECT_TRUE(t.list({}).empty());
}

CONTRACT_CASE(ImportContract, JobsComeBeforeRowsInTheReply) {
    t.add_all({"old"});
    const InsertGroup group{{Bench::job("new"), Bench::job("old")}, {closed_row("row"), closed_row("new")}, "mover"};
    const auto reply = t.exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr});
    ASSERT_EQ(reply.inserts.size(), 1U);
    EXPECT_EQ(reply.inserts.front(),
              (std::vector{Inserted::inserted, Inserted::exists, Inserted::inserted, Inserted::exists}));
}

CONTRACT_CASE(ImportContract, RepeatingAnImportIsSafe) {
    EXPECT_EQ(t.import({closed_row("a")}), (std::vector{Inserted::inserted}));
    EXPECT_EQ(t.import({closed_row("a")}), (std::vector{Inserted::exists}));
    EXPECT_EQ(t.row("a").history.size(), 2U);
}

CONTRACT_CASE(ImportContract, OnlyWaitingRowsTakePlaces) {
    t.limit_length("q", 1);
    EXPECT_EQ(t.import({closed_row("a"), closed_row("b"), waiting_row("c")}),
              (std::vector<Inserted>(3, Inserted::inserted)));
    EXPECT_EQ(t.import({waiting_row("d"), closed_row("e")}), (std::vector{Inserted::full, Inserted::refused}));
}

CONTRACT_CASE(ImportContract, ThePlaceInLineIsThatOfTheImport) {
    t.add_all({"here first"});
    JobRow row = waiting_row("imported");
    row.standing.order_key = 0;
    JobRow urgent = waiting_row("urgent");
    urgent.job.priority = 9;
    EXPECT_EQ(t.import({row, urgent}), (std::vector<Inserted>(2, Inserted::inserted)));
    t.add_all({"later"});
    EXPECT_EQ(ids(t.take(9)), (Ids{"urgent", "here first", "imported", "later"}));
}

CONTRACT_CASE(ImportContract, AgeingCountsFromTheOriginalEnqueue) {
    t.age("q", 1'000);
    t.add(Bench::job("here", "q", 6));
    EXPECT_EQ(t.import({waiting_row("waited since 1970")}), (std::vector{Inserted::inserted}));
    EXPECT_EQ(ids(t.take(9)), (Ids{"waited since 1970", "here"}));
}

CONTRACT_CASE(ImportContract, ALongHistoryIsCutToTheLatest) {
    JobRow row = closed_row("a");
    row.history.clear();
    for (int i = 1; i <= static_cast<int>(kHistoryCount) + 5; ++i) {
        Attempt attempt;
        attempt.number = i;
        attempt.outcome = "failed";
        attempt.ended_at = i;
        attempt.token = i;
        row.history.push_back(attempt);
    }
    EXPECT_EQ(t.import({row}), (std::vector{Inserted::inserted}));
    const JobRow got = t.row("a");
    ASSERT_EQ(got.history.size(), kHistoryCount);
    EXPECT_EQ(got.history.front().number, 6);
}

CONTRACT_CASE(ImportContract, ASuspectStaysOne) {
    JobRow row = waiting_row("a");
    row.standing.suspect = true;
    row.standing.crashes = 2;
    t.import({row});
    EXPECT_TRUE(t.take(5).empty());
    EXPECT_EQ(t.standing("a").crashes, 2);
}

CONTRACT_CASE(ImportContract, WhatWasExportedCanBeImportedAgain) {
    t.settle(t.start(Bench::retried_job("a")), Bench::failure());
    ListQuery query;
    query.with_history = true;
    const auto exported = ok(t.store.list(query)).rows;
    ASSERT_EQ(exported.size(), 1U);
    t.manage(Verb::remove, "a");
    t.clock.advance(kClosedIdMs);
    EXPECT_EQ(t.import(exported), (std::vector{Inserted::inserted}));
    const JobRow got = t.row("a");
    EXPECT_EQ(got.job, exported.front().job);
    EXPECT_EQ(got.history, exported.front().history);
    EXPECT_EQ(got.standing.state, scheduled);
    EXPECT_EQ(t.take_one().standing.attempt, 2);
}

CONTRACT_CASE(ImportContract, ImportsAreLoggedAsSuch) {
    t.log_moves("q");
    t.import({closed_row("a")});
    EXPECT_EQ(t.event_names(), (Ids{"log_moves", "enqueue"}));
    EXPECT_EQ(t.events().back().detail, "import");
}

}  // namespace khala::store::contract
