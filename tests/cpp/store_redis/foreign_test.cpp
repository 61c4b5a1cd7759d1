// A value of another type at a key of ours: check() names the key, whichever it is, and so does an error where it can.
#include "store/redis/foreign.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::Ids;
using contract::ok;

class RedisForeignKeys : public ::testing::Test {
protected:
    void open() {
        store_ = factory_.open();
        bench_ = std::make_unique<Bench>(*store_, factory_.clock, contract::Hooks{});
    }
    void open_as_least_user() {
        factory_.become_least_user();
        open();
    }
    // One of each kind: running, retried, completed, waiting in all three ways.
    void fill() {
        bench_->settle(bench_->start("done"), job::Done{"1"});
        bench_->settle(bench_->start(Bench::retried_job("again")), Bench::failure());
        bench_->start("running");
        bench_->add_all({"fresh"});
        EXPECT_EQ(ok(store_->check()), Ids{});
    }
    // With a text in place of what is at the key, if anything.
    Ids faults_with_foreign(const std::string& name) {
        const std::string key = factory_.key(name);
        const bool was_there = factory_.run({"EXISTS", key}) == 1;
        if (was_there) {
            factory_.run({"RENAME", key, "aside"});
        }
        factory_.run({"SET", key, "foreign"});
        Ids faults = ok(store_->check());
        factory_.run({"DEL", key});
        if (was_there) {
            factory_.run({"RENAME", "aside", key});
        }
        return faults;
    }
    void expect_named(const std::string& name) {
        const Ids faults = faults_with_foreign(name);
        ASSERT_EQ(faults.size(), 1U) << name << ": " << ::testing::PrintToString(faults);
        EXPECT_NE(faults.front().find("the key " + factory_.key(name) + " should hold a "), std::string::npos)
            << faults.front();
    }

    RedisFactory factory_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Bench> bench_;
};

constexpr const char* kNames[] = {
    "head",        "asked",        "terms",       "standing",       "stale",       "removed",       "waits",
    "counters",    "workers",      "jobs",        "keep",           "outbox",      "gone",          "queues",
    "queue:q",     "events:q",     "tasks:q",     "idle:q",         "scheduled:q", "running:q",     "blocked:q",
    "completed:q", "kept:q",       "failed:q",    "cancelled:q",    "expired:q",   "quarantined:q", "expiring:q",
    "ready:q\tt",  "suspect:q\tt", "parked:q\tt", "fresh:q\tt\t250"};

TEST_F(RedisForeignKeys, AreNamed) {
    open();
    fill();
    for (const char* name : kNames) {
        expect_named(name);
    }
    for (const char* name : {"history:fresh", "index:0", "queue:unheard of", "fresh:q\tother\t1"}) {
        expect_named(name);
    }
    EXPECT_EQ(faults_with_foreign("no name of ours"), Ids{});
    EXPECT_EQ(ok(store_->check()), Ids{}) << "and all is well afterwards";
}

TEST_F(RedisForeignKeys, AreNamedAlsoWhereKeysMayNotBeLookedFor) {
    open_as_least_user();
    fill();
    for (const char* name : kNames) {
        expect_named(name);
    }
    for (const char* name : {"history:fresh", "index:0"}) {
        expect_named(name);
    }
    EXPECT_EQ(ok(store_->check()), Ids{});
    factory_.run({"ACL", "DELUSER", factory_.options.user});
}

TEST_F(RedisForeignKeys, AreNamedAllAtOnce) {
    open();
    factory_.run({"SET", factory_.key("counters"), "foreign"});
    factory_.run({"SET", factory_.key("idle:q"), "foreign"});
    factory_.run({"SADD", factory_.key("queues"), "q"});
    EXPECT_EQ(ok(store_->check()).size(), 2U);
}

TEST_F(RedisForeignKeys, TheErrorNamesTheKeyOrWhoDoes) {
    open();
    factory_.run({"SET", factory_.key("counters"), "foreign"});
    const auto counters = store_->task_counters();
    ASSERT_FALSE(counters);
    EXPECT_EQ(counters.error().code, ErrorCode::corrupt);
    EXPECT_NE(counters.error().message.find(factory_.key("counters")), std::string::npos) << counters.error().message;
    factory_.run({"SET", factory_.key("queue:q"), "foreign"});
    const InsertGroup group{{Bench::job("a")}, {}, ""};
    const auto refused = store_->exchange({{&group, 1}, {}, nullptr});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("khala-jobs doctor"), std::string::npos) << refused.error().message;
}

TEST_F(RedisForeignKeys, AStoreThatCannotBeOpenedForOneSaysWhichItIs) {
    factory_.run({"SET", factory_.key("head"), "foreign"});
    const auto store = open_redis(factory_.options);
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().message.find(factory_.key("head")), std::string::npos) << store.error().message;
}

TEST_F(RedisForeignKeys, TheStoreTellsItsLayout) {
    open();
    EXPECT_EQ(store_->info().schema_version, kLayout);
}

}  // namespace
}  // namespace khala::store::redis
