// What is the Redis store's own: its library on the server, the server's clock, what an operator sees.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "store/redis/neighbours.hpp"
#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::ids;
using contract::ok;

TEST(RedisLibrary, IsLoadedAgainWhenTheServerForgotIt) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a"});
    factory.run({"FUNCTION", "FLUSH"});
    bench.add_all({"b"});
    EXPECT_EQ(ids(bench.take(2)), (contract::Ids{"a", "b"}));
}

// Each finds that the library is gone, and neither gets the other's answer.
TEST(RedisOverlap, TheLibraryIsLoadedAgainUnderTwo) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a", "b", "c"});
    factory.run({"FUNCTION", "FLUSH"});
    const Claim one = Bench::claim_of(1);
    const Claim two = Bench::claim_of(2);
    Overlap& overlap = *store->overlap();
    ASSERT_TRUE(overlap.begin({{}, {}, &one}));
    ASSERT_TRUE(overlap.begin({{}, {}, &two}));
    EXPECT_GE(overlap.fd(), 0);
    EXPECT_EQ(ids(ok(overlap.end()).leases), (contract::Ids{"a"}));
    EXPECT_EQ(ids(ok(overlap.end()).leases), (contract::Ids{"b", "c"}));
}

// The first needs a second call, for a decision about a result that comes late; the other's answer is kept meanwhile.
TEST(RedisOverlap, ADecisionIsTakenWhileAnotherIsUnderWay) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a", "b"});
    const Lease gone = bench.take_one();
    factory.clock.advance(Bench::kLeaseMs + 1);
    const auto lapses = ok(store->lapsed(10));
    ASSERT_EQ(bench.settle(lapses.front().lease, lapses.front().cause), Moved::applied);
    const Move late = bench.decide(gone, job::Done{"1"});
    const Claim claim = Bench::claim_of(2);
    Overlap& overlap = *store->overlap();
    ASSERT_TRUE(overlap.begin({{}, {&late, 1}, nullptr}));
    ASSERT_TRUE(overlap.begin({{}, {}, &claim}));
    EXPECT_EQ(ok(overlap.end()).moves.front(), Moved::lost);
    const auto leases = ok(overlap.end()).leases;
    EXPECT_EQ(leases.size(), 2U);
    EXPECT_EQ(bench.row("a").history.size(), 3U) << "lapsed, the note on the late result, running again";
}

class RedisScripts : public ::testing::TestWithParam<const char*> {};

TEST_P(RedisScripts, AreUsedWhereThereAreNoFunctions) {
    support::RedisServer server{{"--rename-command", GetParam(), ""}};
    base::ManualClock clock;
    RedisOptions options = server.options();
    options.clock = &clock;
    const auto store = ok(open_redis(options));
    ASSERT_NE(store, nullptr);
    Bench bench{*store, clock, {}};
    bench.add_all({"a"});
    EXPECT_EQ(bench.settle(bench.take_one(), job::Done{"1"}), Moved::applied);
    EXPECT_EQ(bench.state("a"), State::completed);
    RedisFactory::run(options, {"SCRIPT", "FLUSH"});
    bench.add_all({"b"});
    EXPECT_EQ(ids(bench.take(2)), (contract::Ids{"b"}));
}
INSTANTIATE_TEST_SUITE_P(Hidden, RedisScripts, ::testing::Values("FUNCTION", "FCALL"));

TEST(RedisLibrary, NamesFollowTheText) {
    const Library library;
    EXPECT_EQ(library.name().substr(0, 6), "khala_");
    EXPECT_EQ(library.function(Function::renew), library.name() + "_renew");
    EXPECT_NE(library.text().find("name=" + library.name() + "\n"), std::string::npos);
}

TEST(RedisStore, TimeIsTheServers) {
    RedisFactory factory;
    factory.options.clock = nullptr;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    NewJob job = Bench::job("a");
    const Millis before = SystemClock::instance().wall_ms() - 1'000;  // the server's clock is this machine's
    const Lease lease = bench.start(job);
    const Millis after = SystemClock::instance().wall_ms() + 1'000;
    EXPECT_GT(lease.standing.started_at, before);
    EXPECT_LT(lease.standing.started_at, after);
    EXPECT_GT(lease.standing.token, before * 1'000) << "a fence is never below the microseconds of the server's clock";
    EXPECT_GT(store->clock().wall_ms(), before);
    EXPECT_LT(store->clock().wall_ms(), after);
}

TEST(RedisStore, FencesGrowAlsoWhenTheCounterIsLost) {
    RedisFactory factory;
    factory.options.clock = nullptr;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a", "b"});
    const Token first = bench.take_one().standing.token;
    factory.run({"HDEL", factory.key("head"), "token"});
    EXPECT_GT(bench.take_one().standing.token, first);
}

TEST(RedisStore, AnOperatorCanReadWhatWasAskedFor) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    NewJob job = Bench::retried_job("a");
    job.payload = R"({"args":["m1"]})";
    EXPECT_EQ(bench.add(job), Inserted::inserted);
    constexpr std::int64_t kFixedBytes = 46;
    EXPECT_EQ(factory.run({"HSTRLEN", factory.key("asked"), "a"}),
              kFixedBytes + static_cast<std::int64_t>(job.payload.size()));
    EXPECT_EQ(factory.run({"HLEN", factory.key("terms")}), 1) << "what the jobs of the task have in common";
    EXPECT_EQ(factory.run({"HLEN", factory.key("standing")}), 0) << "nothing has happened to it yet";
}

TEST(RedisStore, AJobThatWasDeletedByHandIsLeftOut) {
    RedisFactory factory;
    const auto store = factory.open();
    Bench bench{*store, factory.clock, {}};
    bench.add_all({"a", "b"});
    factory.run({"HDEL", factory.key("asked"), "a"});
    EXPECT_EQ(ids(bench.take(2)), (contract::Ids{"b"}));
    EXPECT_EQ(bench.count(State::ready), 0);
}

TEST(RedisStore, SaysWhatItIs) {
    RedisFactory factory;
    const auto store = factory.open();
    const StoreInfo info = store->info();
    EXPECT_EQ(info.kind, "redis");
    EXPECT_EQ(info.durability, "memory");
    EXPECT_FALSE(info.engine_version.empty());
}

TEST(RedisStore, HasOneIdentityANamespace) {
    RedisFactory factory;
    const std::string identity = factory.open()->info().identity;
    EXPECT_FALSE(identity.empty());
    RedisOptions options = factory.options;
    options.silence_ms += 1;
    EXPECT_EQ(ok(open_redis(options))->info().identity, identity);
    RedisFactory other;
    EXPECT_NE(other.open()->info().identity, identity);
}

TEST(RedisNeighbours, ADeathIsExplainedByItsProcessId) {
    RedisFactory factory;
    const auto store = factory.open();
    EXPECT_TRUE(explain_death(factory.options.neighbours_directory, ::getpid()));
    EXPECT_FALSE(explain_death(factory.options.neighbours_directory, 1));
    EXPECT_FALSE(explain_death("/nowhere", ::getpid()));
}

TEST(RedisNeighbours, WithoutADirectoryNothingIsKnown) {
    Neighbours alone{"/proc/nowhere", "n", "boot"};
    EXPECT_GT(alone.number(), 0);
    alone.mark_started(0, 7, true);
    alone.mark_ended(0);
    EXPECT_TRUE(alone.dead().empty());
    EXPECT_FALSE(alone.is_dead(5));
    const job::Lapsed cause = alone.cause_of(alone.number(), 7);
    EXPECT_FALSE(cause.died);
    EXPECT_TRUE(cause.started) << "which costs no blame";
}

}  // namespace
}  // namespace khala::store::redis
