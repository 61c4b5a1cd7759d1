// Writes that the server refuses half way, since a foreign value stands at a key of ours or a right was taken away: no
// job is lost, and asking again, when that is mended, does it. And entries that are not what they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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

class RedisRefused : public ::testing::Test {
protected:
    RedisRefused() {
        factory_.become_least_user();
        store_ = factory_.open();
        bench_ = std::make_unique<Bench>(*store_, factory_.clock, contract::Hooks{});
    }
    ~RedisRefused() override { factory_.run({"ACL", "DELUSER", factory_.options.prefix}); }

    std::int64_t run(std::string command, const std::string& name, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {std::move(command), factory_.key(name)});
        return factory_.run(more);
    }
    void take_right(const std::string& command) { right("-" + command); }
    void give_right(const std::string& command) { right("+" + command); }
    // Done while `command` is forbidden, and if that is refused, again when it is allowed.
    void with_and_without(const std::string& command, const std::function<Status()>& act) {
        take_right(command);
        const Status first = act();
        give_right(command);
        if (!first) {
            EXPECT_EQ(first.error().code, ErrorCode::denied) << first.error().to_string();
            ok(act());
        }
    }

    [[nodiscard]] Status add(const NewJob& job) {
        const InsertGroup group{{job}, {}, ""};
        KHALA_TRY(store_->exchange({{&group, 1}, {}, nullptr}));
        return {};
    }
    [[nodiscard]] Status settle(const Move& move) {
        KHALA_TRY_ASSIGN(const auto reply, store_->exchange({{}, {&move, 1}, nullptr}));
        EXPECT_EQ(reply.moves.front(), Moved::applied);
        return {};
    }
    [[nodiscard]] Status claim() {
        const Claim claim = Bench::claim_of(1);
        KHALA_TRY(store_->exchange({{}, {}, &claim}));
        return {};
    }
    [[nodiscard]] Status manage(Verb verb, const std::string& id) {
        KHALA_TRY(store_->manage(verb, {&id, 1}, "", "test"));
        return {};
    }
    void give_back_lapsed() {
        factory_.clock.advance(Bench::kLeaseMs + 1);
        for (const Lapse& lapse : ok(store_->lapsed(100))) {
            EXPECT_EQ(bench_->settle(lapse.lease, lapse.cause), Moved::applied);
        }
    }
    // What is left runs, each job once.
    Ids drain() {
        Ids ran;
        for (int round = 0; round < 3; ++round) {
            give_back_lapsed();
            for (const Lease& lease : bench_->take(100)) {
                ran.push_back(lease.job.id);
                EXPECT_EQ(bench_->settle(lease, job::Done{"1"}), Moved::applied);
            }
        }
        std::ranges::sort(ran);
        return ran;
    }
    void expect_sound() { EXPECT_EQ(ok(store_->check()), Ids{}); }

    RedisFactory factory_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Bench> bench_;

private:
    void right(const std::string& what) { factory_.run({"ACL", "SETUSER", factory_.options.prefix, what}); }
};

// --- foreign values ---

TEST_F(RedisRefused, ACompletionThatMeetsAForeignValueIsDoneWhenItIsGone) {
    const Lease lease = bench_->start("a");
    const Move move = bench_->decide(lease, job::Done{"1"});
    run("SET", "completed:q", {"foreign"});
    const Claim claim = Bench::claim_of(1);
    const auto refused = store_->exchange({{}, {&move, 1}, &claim});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
    EXPECT_EQ(run("ZCARD", "running:q"), 1);
    run("DEL", "completed:q");
    EXPECT_EQ(bench_->apply(move), Moved::applied);
    expect_sound();
}

TEST_F(RedisRefused, AJobThatMeetsAForeignValueLapsesWhenItIsNotToldAgain) {
    const Lease lease = bench_->start(Bench::retried_job("a"));
    const Move move = bench_->decide(lease, Bench::failure());
    run("SET", "scheduled:q", {"foreign"});
    EXPECT_FALSE(settle(move));
    run("DEL", "scheduled:q");
    EXPECT_EQ(drain(), Ids{"a"});
    expect_sound();
}

class RedisForeign : public RedisRefused, public ::testing::WithParamInterface<const char*> {};

TEST_P(RedisForeign, ValuesRefuseAnInsertAsIfItHadNotBeen) {
    NewJob later = Bench::job("later");
    later.run_at = factory_.clock.wall_ms() + 10;
    later.expires_at = factory_.clock.wall_ms() + 100'000;
    run("SET", GetParam(), {"foreign"});
    int refused = 0;
    for (const NewJob& job : {Bench::job("a"), later}) {
        const Status added = add(job);
        EXPECT_EQ(bench_->find(job.id).has_value(), added.ok()) << job.id;
        refused += added ? 0 : 1;
    }
    EXPECT_GT(refused, 0);
    run("DEL", GetParam());
    for (const NewJob& job : {Bench::job("a"), later}) {
        ok(add(job));
    }
    EXPECT_EQ(drain(), (Ids{"a", "later"}));
    factory_.clock.advance(100'000);
    EXPECT_TRUE(bench_->take(1).empty());
    expect_sound();
}
INSTANTIATE_TEST_SUITE_P(Keys, RedisForeign,
                         ::testing::Values("fresh:q\tt\t250", "index:0", "jobs", "tasks:q", "queues", "scheduled:q",
                                           "expiring:q"));

// --- rights ---

// Each command that writes is forbidden during each step of the lives of some jobs.
TEST_F(RedisRefused, NoJobIsLostByARightThatIsTakenAwayForAWhile) {
    for (const char* command : {"hincrby", "hset", "ltrim", "rpush", "sadd", "srem", "zadd", "zrem"}) {
        for (int step = 0; step < 8; ++step) {
            SCOPED_TRACE(std::string{command} + " is forbidden in step " + std::to_string(step));
            int number = 0;
            const auto act = [&](const std::function<Status()>& each) {
                if (number++ == step) {
                    with_and_without(command, each);
                } else {
                    ok(each());
                }
            };
            NewJob later = Bench::retried_job("later");
            later.run_at = factory_.clock.wall_ms() + 10;
            later.expires_at = factory_.clock.wall_ms() + 10'000'000;
            act([&] { return add(Bench::retried_job("a")); });
            act([&] { return add(later); });
            act([&] { return manage(Verb::cancel, "a"); });
            act([&] { return manage(Verb::requeue, "a"); });
            factory_.clock.advance(10);
            act([&] { return claim(); });
            give_back_lapsed();
            const auto leases = bench_->take(2);
            for (const Lease& lease : leases) {
                const Move move = lease.job.id == "a" ? bench_->decide(lease, Bench::failure())
                                                      : bench_->decide(lease, job::Done{"1"});
                act([&] { return settle(move); });
            }
            factory_.clock.advance(10'000);
            act([&] { return claim(); });
            drain();
            EXPECT_EQ(bench_->count(State::completed), 2);
            // What was left over is met by now.
            factory_.clock.advance(kClosedIdMs + 1);
            EXPECT_TRUE(bench_->take(1).empty());
            EXPECT_EQ(ok(store_->prune(Prune{})), 2);
            expect_sound();
            factory_.clock.advance(kClosedIdMs + 1);
        }
    }
}

TEST_F(RedisRefused, AJobIsThereUntilItsRemovalIsDone) {
    for (const char* command : {"hdel", "zadd"}) {
        EXPECT_EQ(bench_->settle(bench_->start("a"), job::Done{"1"}), Moved::applied);
        take_right(command);
        EXPECT_FALSE(manage(Verb::remove, "a"));
        EXPECT_EQ(bench_->state("a"), State::completed);
        EXPECT_EQ(run("ZCARD", "completed:q"), 1);
        give_right(command);
        EXPECT_EQ(bench_->manage(Verb::remove, "a"), Managed::done);
        expect_sound();
        factory_.clock.advance(kClosedIdMs + 1);
    }
}

TEST_F(RedisRefused, FreshJobsStayWhenStaleEntriesCannotBeDropped) {
    bench_->add_all({"a", "b", "c"});
    EXPECT_EQ(bench_->manage(Verb::cancel, "a"), Managed::done);
    for (const char* command : {"lpush", "ltrim", "hincrby", "hdel"}) {
        take_right(command);
        EXPECT_FALSE(claim()) << command;
        give_right(command);
    }
    EXPECT_EQ(drain(), (Ids{"b", "c"}));
    expect_sound();
}

// --- entries that are not what they say ---

TEST_F(RedisRefused, WhatIsNoRunningJobIsNoLapsedLeaseAndGoes) {
    EXPECT_EQ(bench_->settle(bench_->start("done"), job::Done{"1"}), Moved::applied);
    bench_->start("gone");
    factory_.run({"HDEL", factory_.key("asked"), "gone"});
    bench_->start("held");
    for (const char* member : {"0000000000001done", "0000000000009held", "0000000000007nobody"}) {
        run("ZADD", "running:q", {"1", member});
    }
    EXPECT_TRUE(ok(store_->lapsed(10)).empty());
    factory_.clock.advance(Bench::kLeaseMs + 1);
    const auto lapses = ok(store_->lapsed(10));
    ASSERT_EQ(lapses.size(), 1U);
    EXPECT_EQ(lapses.front().lease.job.id, "held");
    EXPECT_EQ(run("ZCARD", "running:q"), 1);
}

TEST_F(RedisRefused, ALeaseLastsAsLongAsTheRecordOfItsJobSays) {
    bench_->start("a");
    run("ZADD", "running:q", {"1", "0000000000001a"});
    EXPECT_TRUE(ok(store_->lapsed(10)).empty());
    expect_sound();
}

TEST_F(RedisRefused, WhatIsNoReadyJobIsNotLeased) {
    bench_->start("a");
    bench_->start("b");
    run("ZADD", "ready:q\tt", {"1", "0000000000001a"});
    run("ZADD", "scheduled:q", {"1", "0000000000002b"});
    run("ZADD", "expiring:q", {"1", "0000000000002b"});
    run("SADD", "tasks:q", {"t"});
    EXPECT_TRUE(ok(store_->unroutable(Ids{"q"}, 10)).empty());
    EXPECT_TRUE(bench_->take(5).empty());
    EXPECT_TRUE(bench_->take(5).empty());
    expect_sound();
}

TEST_F(RedisRefused, AnIdThatIsTwiceInALaneIsLeasedOnce) {
    bench_->add_all({"a"});
    run("HDEL", "asked", {"a"});
    bench_->add_all({"a"});
    run("RPUSH", "fresh:q\tt\t250", {"0000000000002a"});
    EXPECT_EQ(ids(bench_->take(5)), Ids{"a"});
    EXPECT_EQ(run("LLEN", "fresh:q\tt\t250"), 0);
}

}  // namespace
}  // namespace khala::store::redis
