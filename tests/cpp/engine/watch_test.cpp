// Waiting for jobs to close: here, elsewhere, by anybody's hand, and by the clock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Watch, IsAnsweredByTheCommitItself) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    bench.command(Watch{{bench.client.port, 77}, {"a0"}});
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.sync();
    const auto before = bench.engine->stats().store_queries.load();
    bench.settle(lease, job::Done{R"({"n":1})"});
    const auto row = bench.client.answer<ClosedRow>(77);
    EXPECT_EQ(row->standing.state, State::completed);
    EXPECT_EQ(row->standing.result, R"({"n":1})");
    EXPECT_EQ(bench.engine->stats().store_queries, before + 1) << "the exchange and nothing else";
    EXPECT_EQ(row->standing, bench.row("a0").standing) << "what was composed is what is stored";
}

TEST(Watch, AClosedJobIsAnsweredAtOnceAndAMissingOneToo) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    bench.settle(lease, job::Cancel{"no"});
    bench.sync();
    bench.command(Watch{{bench.client.port, 5}, {"a0"}});
    EXPECT_EQ(bench.client.answer<ClosedRow>(5)->standing.state, State::cancelled);
    bench.command(Watch{{bench.client.port, 6}, {"never"}});
    EXPECT_EQ(bench.client.result(6).error().code, ErrorCode::not_found);
}

TEST(Watch, SeesWhatOtherEnginesClose) {
    Bench bench;
    Bench other{{}, bench.shared, 100, bench.clock};
    bench.store_jobs("a", 1);
    bench.command(Watch{{bench.client.port, 5}, {"a0"}});
    bench.sync();
    other.start_worker(1);
    const auto lease = other.client.next_lease();
    ASSERT_TRUE(lease->start());
    other.settle(lease, job::Done{"1"});
    other.sync();
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(100);
        return !bench.client.replies.empty();
    }));
    EXPECT_EQ(bench.client.answer<ClosedRow>(5)->standing.state, State::completed);
}

TEST(Watch, SeesManagement) {
    Bench bench;
    bench.store_jobs("a", 2);
    bench.command(Watch{{bench.client.port, 5}, {"a0"}});
    bench.command(Watch{{bench.client.port, 6}, {"a1"}});
    bench.sync();
    static_cast<void>(bench.client.result(bench.ask(ManageJobs{store::Verb::cancel, {"a0"}, "why not", "me"})));
    EXPECT_THAT(bench.client.answer<ClosedRow>(5)->standing.reason, HasSubstr("why not"));
    static_cast<void>(bench.client.result(bench.ask(ManageJobs{store::Verb::remove, {"a1"}, "", "me"})));
    EXPECT_EQ(bench.client.result(6).error().code, ErrorCode::not_found);
}

TEST(Watch, SeesExpiry) {
    Bench bench;
    auto spec = bench.spec(1);
    bench.start_worker(spec);
    bench.store_jobs("busy", 1);
    static_cast<void>(bench.client.next_lease());
    auto brief = bench.job("brief");
    brief.expires_at = bench.clock->wall_ms() + 500;
    static_cast<void>(bench.client.result(bench.enqueue({brief})));
    bench.command(Watch{{bench.client.port, 5}, {"brief"}});
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(100);
        return !bench.client.replies.empty();
    }));
    EXPECT_EQ(bench.client.answer<ClosedRow>(5)->standing.state, State::expired);
}

// Whoever could take the job would close it; nobody can.
class Expiry : public ::testing::TestWithParam<const char*> {};

TEST_P(Expiry, NeedsNoRoomForTheJob) {
    Bench bench;
    const std::string worker = GetParam();
    if (worker != "none") {
        auto spec = bench.spec(1);
        spec.suspects = store::Suspects::none;
        if (worker == "elsewhere") {
            spec.queues = {{.queue = "other", .limit = 1}};
        }
        bench.start_worker(spec);
    }
    if (worker == "busy") {
        bench.store_jobs("busy", 1);
        static_cast<void>(bench.client.next_lease());
    } else if (worker == "held back") {
        bench.command(PauseClaims{.paused = true});
    } else if (worker == "stopped") {
        static_cast<void>(bench.client.result(bench.stop_worker()));
    }
    auto brief = bench.job("brief");
    brief.expires_at = bench.clock->wall_ms() + 500;
    static_cast<void>(bench.client.result(bench.enqueue({brief})));
    bench.command(Watch{{bench.client.port, 500}, {"brief"}});
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(100);
        return !bench.client.replies.empty();
    }));
    EXPECT_EQ(bench.client.answer<ClosedRow>(500)->standing.state, State::expired);
}

INSTANTIATE_TEST_SUITE_P(Worker, Expiry, ::testing::Values("none", "busy", "held back", "stopped", "elsewhere"),
                         [](const auto& tested) {
                             std::string name = tested.param;
                             std::replace(name.begin(), name.end(), ' ', '_');
                             return name;
                         });

TEST(Watch, EndsWithItsPort) {
    for (const bool is_late : {false, true}) {
        Bench bench;
        bench.store_jobs("a", 1);
        testing::Client other;
        if (is_late) {
            Port::close(other.port);
        }
        bench.command(Watch{{other.port, 1}, {"a0"}});
        bench.sync();
        Port::close(other.port);
        bench.sync();
        const auto before = bench.engine->stats().store_queries.load();
        for (int second = 0; second < 10; ++second) {
            bench.advance(1'000);
            bench.sync();
        }
        EXPECT_LE(bench.engine->stats().store_queries - before, 21) << "what sync asks, and a checkpoint";
    }
}

TEST(Watch, CanBeGivenUp) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    bench.command(Watch{{bench.client.port, 5}, {"a0"}});
    bench.command(Unwatch{{bench.client.port, 5}});
    const auto lease = bench.client.next_lease();
    bench.settle(lease, job::Cancel{});
    bench.sync();
    EXPECT_THAT(bench.client.replies, IsEmpty());
}

}  // namespace
}  // namespace khala::engine
