#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(InsertContract);

CONTRACT_CASE(InsertContract, ANewJobIsReady) {
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::inserted);
    const Standing standing = t.standing("a");
    EXPECT_EQ(standing.state, ready);
    EXPECT_EQ(standing.enqueued_at, t.now());
    EXPECT_EQ(standing.due_at, t.now());
    EXPECT_EQ(standing.attempt, 0);
    EXPECT_EQ(standing.token, 0);
    EXPECT_EQ(standing.closed_at, 0);
}

CONTRACT_CASE(InsertContract, EveryFieldComesBack) {
    NewJob job = Bench::job("id with spaces and 漢字");
    job.queue = "q/ü";
    job.task = "pkg.mod:task";
    job.payload = R"({"text":"\u0000 \ud83d\ude00 é","n":18446744073709551615})";
    job.priority = 255;
    job.run_at = t.now() + 5;
    job.expires_at = t.now() + 50;
    job.soft_timeout_ms = 1;
    job.hard_timeout_ms = 2;
    job.retry = R"({"kind":"fixed","max":1,"base_ms":1})";
    job.result_ttl_ms = 7;
    job.correlation_id = "corr";
    job.headers = R"({"h":"v"})";
    job.tenant = "tenant";
    job.unique_key = "unique";
    job.concurrency_key = "concurrency";
    job.rate_key = "rate";
    job.parent_id = "parent";
    job.schedule_id = "schedule";
    job.nominal_at = 1'234;
    job.task_version = 3;
    EXPECT_EQ(t.add(job), Inserted::inserted);
    EXPECT_EQ(t.row(job.id).job, job);
    t.clock.advance(10);
    const auto leases = t.claim([&] {
        Claim claim = Bench::claim_of(1, {"q/ü"});
        claim.tasks = {job.task};
        return claim;
    }());
    ASSERT_EQ(leases.leases.size(), 1U);
    EXPECT_EQ(leases.leases.front().job, job);
}

CONTRACT_CASE(InsertContract, AMebibyteOfPayloadComesBack) {
    NewJob job = Bench::job("a");
    job.payload = "[\"" + std::string(kPayloadBytes - 4, 'x') + "\"]";
    EXPECT_EQ(t.add(job), Inserted::inserted);
    EXPECT_EQ(t.row("a").job.payload, job.payload);
}

CONTRACT_CASE(InsertContract, LaterRunAtIsScheduled) {
    NewJob job = Bench::job("a");
    job.run_at = t.now() + 1;
    EXPECT_EQ(t.add(job), Inserted::inserted);
    EXPECT_EQ(t.state("a"), scheduled);
    EXPECT_EQ(t.standing("a").due_at, t.now() + 1);
    EXPECT_EQ(t.standing("a").enqueued_at, t.now());
}

CONTRACT_CASE(InsertContract, PastRunAtIsReadyNow) {
    NewJob job = Bench::job("a");
    job.run_at = t.now();
    EXPECT_EQ(t.add(job), Inserted::inserted);
    job.id = "b";
    job.run_at = t.now() - 1'000;
    EXPECT_EQ(t.add(job), Inserted::inserted);
    EXPECT_EQ(t.state("a"), ready);
    EXPECT_EQ(t.state("b"), ready);
    EXPECT_EQ(t.standing("b").due_at, t.now());
}

CONTRACT_CASE(InsertContract, TheSameIdAgainExistsAndChangesNothing) {
    t.add_all({"a"});
    NewJob other = Bench::job("a", "other", 9);
    EXPECT_EQ(t.add(other), Inserted::exists);
    EXPECT_EQ(t.row("a").job, Bench::job("a"));
    EXPECT_EQ(t.count(ready), 1);
    EXPECT_EQ(t.count(ready, "other"), 0);
}

CONTRACT_CASE(InsertContract, TheSameIdTwiceInOneGroup) {
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b"), Bench::job("a")}),
              (std::vector{Inserted::inserted, Inserted::inserted, Inserted::exists}));
    EXPECT_EQ(t.count(ready), 2);
}

CONTRACT_CASE(InsertContract, TheSameIdInTwoGroupsOfOneExchange) {
    const std::vector<InsertGroup> groups{{{Bench::job("a")}, {}, ""}, {{Bench::job("a"), Bench::job("b")}, {}, ""}};
    const auto reply = t.exchange({.inserts = groups, .moves = {}, .claim = nullptr});
    ASSERT_EQ(reply.inserts.size(), 2U);
    EXPECT_EQ(reply.inserts[0], (std::vector{Inserted::inserted}));
    EXPECT_EQ(reply.inserts[1], (std::vector{Inserted::exists, Inserted::inserted}));
}

CONTRACT_CASE(InsertContract, ARunningAndAClosedJobExistToo) {
    const Lease lease = t.start("a");
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
    t.settle(lease, job::Done{});
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
    EXPECT_EQ(t.state("a"), completed);
}

CONTRACT_CASE(InsertContract, AGroupThatDoesNotFitIsNotInserted) {
    t.limit_length("q", 3);
    t.add_all({"a"});
    EXPECT_EQ(t.add_group({Bench::job("b"), Bench::job("c"), Bench::job("d"), Bench::job("e")}),
              (std::vector{Inserted::refused, Inserted::refused, Inserted::full, Inserted::full}));
    EXPECT_EQ(t.count(ready), 1);
    EXPECT_EQ(t.find("b"), std::nullopt);
    EXPECT_EQ(t.find("d"), std::nullopt);
}

CONTRACT_CASE(InsertContract, IdsOfARefusedGroupAreFree) {
    t.limit_length("q", 1);
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b")}), (std::vector{Inserted::refused, Inserted::full}));
    EXPECT_EQ(t.add(Bench::job("b")), Inserted::inserted);
    EXPECT_EQ(t.add(Bench::job("a", "other")), Inserted::inserted);
}

CONTRACT_CASE(InsertContract, TheLastPlaceIsTaken) {
    t.limit_length("q", 2);
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b")}), (std::vector{Inserted::inserted, Inserted::inserted}));
    EXPECT_EQ(t.add(Bench::job("c")), Inserted::full);
}

CONTRACT_CASE(InsertContract, ExistingJobsTakeNoPlaceAndSpoilNothing) {
    t.limit_length("q", 2);
    t.add_all({"a"});
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b")}), (std::vector{Inserted::exists, Inserted::inserted}));
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b")}), (std::vector{Inserted::exists, Inserted::exists}));
}

CONTRACT_CASE(InsertContract, ExistsIsAnsweredInAFullGroupToo) {
    t.limit_length("q", 1);
    t.add_all({"a"});
    EXPECT_EQ(t.add_group({Bench::job("a"), Bench::job("b"), Bench::job("c", "other")}),
              (std::vector{Inserted::exists, Inserted::full, Inserted::refused}));
    EXPECT_EQ(t.count(ready, "other"), 0);
}

CONTRACT_CASE(InsertContract, GroupsDoNotSpoilEachOther) {
    t.limit_length("q", 1);
    const std::vector<InsertGroup> groups{{{Bench::job("a"), Bench::job("b")}, {}, ""}, {{Bench::job("c")}, {}, ""}};
    const auto reply = t.exchange({.inserts = groups, .moves = {}, .claim = nullptr});
    ASSERT_EQ(reply.inserts.size(), 2U);
    EXPECT_EQ(reply.inserts[0], (std::vector{Inserted::refused, Inserted::full}));
    EXPECT_EQ(reply.inserts[1], (std::vector{Inserted::inserted}));
}

CONTRACT_CASE(InsertContract, LengthCountsWhatWaitsOnly) {
    t.limit_length("q", 2);
    const Lease running_one = t.start("running");
    const Lease done = t.start("done");
    t.settle(done, job::Done{});
    NewJob later = Bench::job("later");
    later.run_at = t.now() + 1'000;
    EXPECT_EQ(t.add(later), Inserted::inserted);
    EXPECT_EQ(t.add(Bench::job("ready")), Inserted::inserted);
    EXPECT_EQ(t.add(Bench::job("more")), Inserted::full);
    EXPECT_EQ(t.settle(running_one, job::Release{}), Moved::applied) << "moves are not bounded";
    EXPECT_EQ(t.count(ready) + t.count(scheduled), 3);
}

CONTRACT_CASE(InsertContract, ZeroLengthIsUnbounded) {
    t.limit_length("q", 1);
    t.limit_length("q", 0);
    t.add_all({"a", "b", "c"});
}

CONTRACT_CASE(InsertContract, APausedQueueTakesJobs) {
    t.pause("q");
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::inserted);
    EXPECT_EQ(t.count(ready), 1);
}

CONTRACT_CASE(InsertContract, EmptyRequestsHaveEmptyReplies) {
    auto reply = t.exchange({});
    EXPECT_TRUE(reply.inserts.empty());
    EXPECT_TRUE(reply.moves.empty());
    EXPECT_TRUE(reply.leases.empty());
    const std::vector<InsertGroup> groups(3);
    reply = t.exchange({.inserts = groups, .moves = {}, .claim = nullptr});
    EXPECT_EQ(reply.inserts, (std::vector<std::vector<Inserted>>(3)));
}

CONTRACT_CASE(InsertContract, AThousandInOneGroup) {
    std::vector<NewJob> jobs;
    for (int i = 0; i < 1'000; ++i) {
        jobs.push_back(Bench::job("j" + std::to_string(i), i % 2 == 0 ? "even" : "odd"));
    }
    EXPECT_EQ(t.add_group(jobs), (std::vector<Inserted>(1'000, Inserted::inserted)));
    EXPECT_EQ(t.count(ready, "even"), 500);
    EXPECT_EQ(t.count(ready, "odd"), 500);
    EXPECT_EQ(t.add_group(jobs), (std::vector<Inserted>(1'000, Inserted::exists)));
}

}  // namespace khala::store::contract
