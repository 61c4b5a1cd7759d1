// How what was asked for is kept: terms once for the jobs of a task, a bound on them, and the layout's number.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "store/redis/probe.hpp"
#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::ok;

std::optional<JobRow> row_of(Store& store, const std::string& id) {
    return ok(store.get({&id, 1}, false)).front();
}

NewJob job_of(int number) {
    NewJob job = Bench::job("job" + std::to_string(number));
    job.hard_timeout_ms = 1'000 + number;  // terms of its own
    job.unique_key = "key \"" + std::to_string(number) + "\"";
    job.headers = R"({"n":")" + std::to_string(number) + "\"}";
    return job;
}

TEST(RedisTerms, AreKeptOnceForManyJobs) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a", "b", "c"});
    EXPECT_EQ(bench.add(Bench::retried_job("d")), Inserted::inserted);
    EXPECT_EQ(factory.run({"HLEN", factory.key("terms")}), 2);
    EXPECT_EQ(row_of(*store, "d")->job, Bench::retried_job("d"));
}

TEST(RedisTerms, AreInTheJobWhenThereAreTooMany) {
    constexpr int kShared = 1'000;
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    InsertGroup group;
    for (int number = 0; number <= kShared + 1; ++number) {
        group.jobs.push_back(job_of(number));
    }
    ok(store->exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
    EXPECT_EQ(factory.run({"HLEN", factory.key("terms")}), kShared);
    for (const int number : {0, kShared - 1, kShared, kShared + 1}) {
        const NewJob job = job_of(number);
        EXPECT_EQ(row_of(*store, job.id)->job, job);
    }
    const auto leases = bench.take(kShared + 2);
    ASSERT_EQ(leases.size(), group.jobs.size());
    EXPECT_EQ(leases.back().job, group.jobs.back()) << "its sum is right as well";
    ok(store->manage(Verb::cancel, std::vector<std::string>{group.jobs.back().id}, "", "test"));
    EXPECT_EQ(bench.settle(leases.back(), job::RetryAfter{}), Moved::cancelled) << "what is asked to stop is read, too";
}

TEST(RedisTerms, ThatMeanAnotherTextAreNotTaken) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    const NewJob job = Bench::retried_job("a");
    factory.run({"HSET", factory.key("terms"), hash_of_terms(encode_terms(job)), "{}"});
    EXPECT_EQ(bench.add(job), Inserted::inserted);
    EXPECT_EQ(row_of(*store, "a")->job, job);
    EXPECT_EQ(bench.take_one().job, job);
}

TEST(RedisTerms, ThatAreLostQuarantineTheJobs) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a"});
    factory.run({"DEL", factory.key("terms")});
    EXPECT_TRUE(bench.take(1).empty());
    EXPECT_EQ(factory.run({"ZCARD", factory.key("quarantined:q")}), 1);
}

TEST(RedisLayout, OfAnotherVersionIsRefused) {
    RedisFactory factory;
    { const auto store = factory.open(); }
    EXPECT_NE(factory.open(), nullptr) << "the same version again";
    factory.run({"HSET", factory.key("head"), "layout", "4"});
    const auto refused = open_redis(factory.options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_NE(refused.error().message.find("layout 4"), std::string::npos) << refused.error().message;
}

TEST(RedisLayout, OfAVersionThatWroteNoNumberIsRefused) {
    RedisFactory factory;
    { const auto store = factory.open(); }
    factory.run({"HDEL", factory.key("head"), "layout"});
    EXPECT_FALSE(open_redis(factory.options).ok());
    EXPECT_EQ(factory.run({"HEXISTS", factory.key("head"), "layout"}), 0) << "nothing is changed";
}

}  // namespace
}  // namespace khala::store::redis
