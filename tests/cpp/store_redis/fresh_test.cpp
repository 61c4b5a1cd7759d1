// Jobs in lists: those that nothing has happened to, the index of all jobs, and what is left behind there. And the
// records that the client sends whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::Ids;
using contract::ids;
using contract::ok;

class RedisFresh : public ::testing::Test {
protected:
    std::int64_t run(std::string command, const std::string& name, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {std::move(command), factory_.key(name)});
        return factory_.run(more);
    }
    std::int64_t entries(const std::string& lane = "q\tt\t250") { return run("LLEN", "fresh:" + lane); }
    void expect_sound() { EXPECT_EQ(ok(store_->check()), std::vector<std::string>{}); }
    void complete(const Lease& lease) { EXPECT_EQ(bench_.settle(lease, job::Done{"1"}), Moved::applied); }
    Ids by_insertion(Order order = Order::oldest_first) {
        ListQuery query;
        query.order = order;
        return bench_.list(query);
    }

    RedisFactory factory_;
    std::unique_ptr<Store> store_ = factory_.open();
    Bench bench_{*store_, factory_.clock, {}};
};

TEST_F(RedisFresh, JobsAreMembersOfAListAndHaveNoRecord) {
    bench_.add_all({"a", "b"});
    EXPECT_EQ(bench_.add(Bench::job("first", "q", 200)), Inserted::inserted);
    EXPECT_EQ(entries(), 2);
    EXPECT_EQ(entries("q\tt\t55"), 1) << "a list for each priority";
    EXPECT_EQ(run("HLEN", "standing"), 0);
    EXPECT_EQ(ids(bench_.take(2)), (Ids{"first", "a"}));
    EXPECT_EQ(entries(), 1);
    EXPECT_EQ(run("EXISTS", "stale"), 0);
    expect_sound();
}

TEST_F(RedisFresh, TermsOfSeveralKindsKeepTheOrder) {
    InsertGroup group;
    for (const char* id : {"a", "b", "c", "d"}) {
        NewJob job = Bench::job(id);
        job.hard_timeout_ms = *id % 2 == 0 ? 1'000 : 0;
        group.jobs.push_back(std::move(job));
    }
    ok(store_->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
    EXPECT_EQ(entries(), 4);
    expect_sound();
    EXPECT_EQ(ids(bench_.take(4)), (Ids{"a", "b", "c", "d"}));
}

TEST_F(RedisFresh, WhatChangesLeavesAStaleEntryThatTheNextClaimDrops) {
    bench_.add_all({"a", "b", "c", "d"});
    EXPECT_EQ(bench_.manage(Verb::cancel, "a"), Managed::done);
    EXPECT_EQ(bench_.manage(Verb::remove, "c"), Managed::done);
    EXPECT_EQ(entries(), 4);
    EXPECT_EQ(bench_.count(State::ready), 2);
    expect_sound();
    EXPECT_EQ(bench_.manage(Verb::requeue, "a"), Managed::done);
    EXPECT_EQ(bench_.count(State::ready), 3);
    expect_sound();
    EXPECT_EQ(ids(bench_.take(4)), (Ids{"a", "b", "d"})) << "its place in line is the old one";
    EXPECT_EQ(entries(), 0);
    EXPECT_EQ(run("EXISTS", "stale"), 0);
    expect_sound();
}

TEST_F(RedisFresh, AnIdThatCameBackIsLeasedOnceAndInItsNewPlace) {
    bench_.add_all({"a", "b"});
    EXPECT_EQ(bench_.manage(Verb::remove, "a"), Managed::done);
    factory_.clock.advance(kClosedIdMs + 1);
    bench_.add_all({"a"});
    EXPECT_EQ(entries(), 3);
    expect_sound();
    EXPECT_EQ(by_insertion(), (Ids{"b", "a"}));
    EXPECT_EQ(ids(bench_.take(3)), (Ids{"b", "a"}));
    EXPECT_EQ(bench_.count(State::ready), 0);
    expect_sound();
}

TEST_F(RedisFresh, StaleEntriesOfAQueueThatNobodyServesGoWhenJobsArePruned) {
    bench_.add_all({"a", "b"});
    bench_.pause("q");
    EXPECT_EQ(bench_.manage(Verb::cancel, "a"), Managed::done);
    EXPECT_EQ(ok(store_->prune(Prune{})), 0);
    EXPECT_EQ(entries(), 1);
    EXPECT_EQ(run("EXISTS", "stale"), 0);
    expect_sound();
}

TEST_F(RedisFresh, AMoveThatMissesAJobDoesNotHideItFromTheClaimOfTheSameCall) {
    bench_.add_all({"a"});
    Move move;
    move.id = "a";
    move.from = State::scheduled;
    move.to = State::cancelled;
    const Claim claim = Bench::claim_of(1);
    const auto reply = bench_.exchange({.inserts = {}, .moves = {&move, 1}, .claim = &claim});
    EXPECT_EQ(reply.moves, std::vector<Moved>{Moved::lost});
    ASSERT_EQ(ids(reply.leases), (Ids{"a"}));
    EXPECT_EQ(bench_.settle(reply.leases.front(), job::Done{"1"}), Moved::applied);
    expect_sound();
}

TEST_F(RedisFresh, JobsOfManyTasksAreLeasedInTheOrderInWhichTheyCame) {
    Claim claim = Bench::claim_of(7);
    Ids expected;
    for (int number = 0; number < 40; ++number) {
        NewJob job = Bench::job("job" + std::to_string(number));
        job.task = "task" + std::to_string(number * 7 % 10);
        claim.tasks.push_back(job.task);
        EXPECT_EQ(bench_.add(job), Inserted::inserted);
        expected.push_back(job.id);
    }
    Ids taken;
    for (int step = 0; step < 6; ++step) {
        for (const std::string& id : ids(bench_.claim(claim).leases)) {
            taken.push_back(id);
        }
    }
    EXPECT_EQ(taken, expected);
    expect_sound();
}

TEST_F(RedisFresh, ManyStaleEntriesDoNotHideTheJobsBehindThem) {
    constexpr int kJobs = 6'000;
    InsertGroup group;
    Ids doomed;
    for (int number = 0; number <= kJobs; ++number) {
        group.jobs.push_back(Bench::job("job" + std::to_string(number)));
        doomed.push_back(group.jobs.back().id);
    }
    doomed.pop_back();
    ok(store_->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
    ok(store_->manage(Verb::cancel, doomed, "", "test"));
    Ids taken;
    for (int claim = 0; claim < 3 && taken.empty(); ++claim) {  // a claim gives up after some, and says so
        const auto reply = bench_.claim(Bench::claim_of(2));
        EXPECT_TRUE(reply.more || !reply.leases.empty());
        taken = ids(reply.leases);
    }
    EXPECT_EQ(taken, (Ids{"job6000"}));
}

TEST_F(RedisFresh, AgeingGivesEveryJobARecordAndAPlaceAmongTheOthers) {
    bench_.add_all({"a", "b"});
    EXPECT_EQ(bench_.add(Bench::job("late", "q", 200)), Inserted::inserted);
    bench_.age("q", 1);
    EXPECT_EQ(run("HLEN", "standing"), 3);
    EXPECT_EQ(entries(), 0);
    expect_sound();
    bench_.add_all({"c"});
    EXPECT_EQ(run("HLEN", "standing"), 4) << "jobs that come now have one, too";
    bench_.age("q", 0);
    bench_.add_all({"d"});
    EXPECT_EQ(run("HLEN", "standing"), 4);
    expect_sound();
    EXPECT_EQ(ids(bench_.take(5)), (Ids{"late", "a", "b", "c", "d"}));
}

TEST_F(RedisFresh, TheIndexOfAllJobsGoesWithItsJobs) {
    constexpr int kJobs = 600;
    InsertGroup group;
    for (int number = 0; number < kJobs; ++number) {
        NewJob job = Bench::job("job" + std::to_string(number));
        job.result_ttl_ms = 1;
        group.jobs.push_back(std::move(job));
    }
    group.new_ids = true;
    ok(store_->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
    EXPECT_EQ(run("ZCARD", "jobs"), 3);
    std::vector<Move> moves;
    for (const Lease& lease : bench_.take(kJobs)) {
        moves.push_back(bench_.decide(lease, job::Done{"1"}));
    }
    EXPECT_EQ(bench_.apply(moves), std::vector<Moved>(kJobs, Moved::applied));
    expect_sound();
    factory_.clock.advance(2);
    EXPECT_EQ(ok(store_->prune(Prune{})), kJobs);
    EXPECT_EQ(run("ZCARD", "jobs"), 1) << "more may come into the last part";
    expect_sound();
    bench_.add_all({"z"});
    EXPECT_EQ(by_insertion(), (Ids{"z"}));
    expect_sound();
}

TEST_F(RedisFresh, PagesCrossThePartsOfTheIndex) {
    constexpr int kJobs = 520;
    InsertGroup group;
    Ids expected;
    for (int number = 0; number < kJobs; ++number) {
        group.jobs.push_back(Bench::job("job" + std::to_string(number)));
        expected.push_back(group.jobs.back().id);
    }
    ok(store_->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
    for (const Order order : {Order::oldest_first, Order::newest_first}) {
        Ids listed;
        ListQuery query;
        query.order = order;
        query.limit = 100;
        do {
            const auto page = ok(store_->list(query));
            for (const std::string& id : ids(page.rows)) {
                listed.push_back(id);
            }
            query.cursor = page.cursor;
        } while (!query.cursor.empty());
        EXPECT_EQ(listed, expected);
        std::ranges::reverse(expected);
    }
}

TEST_F(RedisFresh, CompletedJobsOfAnotherKeepTimeGoInTheirOrder) {
    std::vector<Lease> leases;
    for (const auto& [id, ttl] : {std::pair{"a", 100}, std::pair{"b", 30}, std::pair{"c", 100}, std::pair{"d", 500}}) {
        NewJob job = Bench::job(id);
        job.result_ttl_ms = ttl;
        leases.push_back(bench_.start(std::move(job)));
    }
    for (const Lease& lease : leases) {
        complete(lease);
        factory_.clock.advance(1);
    }
    EXPECT_EQ(run("ZCARD", "completed:q"), 2) << "as long as the first one";
    EXPECT_EQ(run("ZCARD", "kept:q"), 2);
    EXPECT_EQ(bench_.count(State::completed), 4);
    expect_sound();
    Prune one;
    one.limit = 1;
    factory_.clock.advance(200);
    Ids left{"a", "b", "c", "d"};
    for (const char* gone : {"b", "a", "c"}) {
        EXPECT_EQ(ok(store_->prune(one)), 1);
        std::erase(left, gone);
        EXPECT_EQ(by_insertion(), left);
        expect_sound();
    }
    EXPECT_EQ(ok(store_->prune(one)), 0);
}

// --- completions ---

TEST_F(RedisFresh, ACompletionKeepsWhatWasSaidOfTheProgress) {
    const Lease lease = bench_.start("a");
    EXPECT_EQ(bench_.renew(lease, Bench::kLeaseMs, Progress{3, 7, "on its way"}), Renewed::ok);
    complete(lease);
    const auto standing = bench_.standing("a");
    EXPECT_EQ(standing.state, State::completed);
    EXPECT_EQ(standing.progress_count, 3);
    EXPECT_EQ(standing.progress_total, 7);
    EXPECT_EQ(standing.progress_message, "on its way");
    EXPECT_EQ(standing.result, "1");
    expect_sound();
}

TEST_F(RedisFresh, ACompletionOfAJobWhoseOrderKeyChangedMeanwhileKeepsTheNewOne) {
    const Lease lease = bench_.start("a");
    bench_.age("q", 10);
    const std::int64_t key = bench_.standing("a").order_key;
    EXPECT_NE(key, lease.standing.order_key);
    complete(lease);
    EXPECT_EQ(bench_.standing("a").order_key, key);
    expect_sound();
}

TEST_F(RedisFresh, CompletionsOfLeasesThatAreNotAsTheyWereGoTheGeneralWay) {
    bench_.add_all({"a", "b", "c"});
    const auto leases = bench_.take(3);
    ASSERT_EQ(leases.size(), 3U);
    EXPECT_EQ(bench_.manage(Verb::cancel, "b"), Managed::requested);
    factory_.run({"HDEL", factory_.key("standing"), "c"});
    factory_.run({"HDEL", factory_.key("asked"), "c"});
    std::vector<Move> moves;
    for (const Lease& lease : leases) {
        moves.push_back(bench_.decide(lease, job::Done{"1"}));
    }
    const std::vector<Moved> answers = bench_.apply(moves);
    EXPECT_EQ(answers, (std::vector<Moved>{Moved::applied, Moved::applied, Moved::missing}));
    EXPECT_EQ(bench_.state("a"), State::completed);
    EXPECT_EQ(bench_.state("b"), State::completed);
    EXPECT_EQ(bench_.apply(moves[0]), Moved::applied) << "told twice, done once";
    EXPECT_EQ(ok(store_->task_counters()).front().completed, 2);
}

TEST_F(RedisFresh, ACompletionAfterTheLeaseWentToAnotherStoreIsLost) {
    const Lease lease = bench_.start("a");
    const auto other = open_redis(factory_.options);
    ASSERT_TRUE(other.ok());
    Bench elsewhere{**other, factory_.clock, {}};
    factory_.clock.advance(Bench::kLeaseMs + 1);
    const auto lapses = ok((*other)->lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    EXPECT_EQ(elsewhere.settle(lapses.front().lease, lapses.front().cause), Moved::applied);
    const Lease again = elsewhere.take_one();
    EXPECT_EQ(again.job.id, "a");
    EXPECT_EQ(bench_.settle(lease, job::Done{"1"}), Moved::lost);
    EXPECT_EQ(elsewhere.settle(again, job::Done{"2"}), Moved::applied);
    EXPECT_EQ(bench_.standing("a").result, "2");
    expect_sound();
}

}  // namespace
}  // namespace khala::store::redis
