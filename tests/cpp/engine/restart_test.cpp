// A worker that is stopped and started again on the open store, and one whose work changes while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/native.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using testing::Client;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::wait_until;

Result<Answer> start(Bench& bench, Client& at, WorkerSpec spec) {
    const Ticket ticket = at.ticket();
    EXPECT_TRUE(bench.engine->start_worker({at.port, ticket}, std::move(spec)).ok());
    return at.result(ticket);
}

std::vector<store::WorkerInfo> workers(Bench& bench) {
    return bench.client.answer<std::vector<store::WorkerInfo>>(bench.ask(ReadWorkers{}));
}

void run_next(Bench& bench, Client& at, const std::string& id) {
    const auto lease = at.next_lease();
    ASSERT_NE(lease, nullptr);
    EXPECT_EQ(lease->lease().job.id, id);
    ASSERT_TRUE(lease->start());
    bench.settle(lease, job::Done{"1"});
}

TEST(Restart, WorksAsOftenAsOneLikes) {
    Bench bench;
    for (int round = 0; round < 5; ++round) {
        auto spec = bench.spec(2);
        spec.id = "w" + std::to_string(round);
        ASSERT_TRUE(start(bench, bench.client, spec).ok());
        ASSERT_EQ(workers(bench).size(), 1U);
        EXPECT_EQ(workers(bench).at(0).id, spec.id);
        if (round > 0) {
            run_next(bench, bench.client, "late" + std::to_string(round - 1));
        }
        const std::string id = "a" + std::to_string(round);
        static_cast<void>(bench.client.result(bench.enqueue({bench.job(id)})));
        run_next(bench, bench.client, id);
        bench.sync();
        EXPECT_EQ(bench.state(id), State::completed);

        static_cast<void>(bench.client.result(bench.stop_worker()));
        EXPECT_THAT(workers(bench), IsEmpty()) << "others need not count on it";
        static_cast<void>(bench.client.result(bench.enqueue({bench.job("late" + std::to_string(round))})));
        bench.advance(5'000);
        bench.sync();
        EXPECT_THAT(bench.client.leases, IsEmpty());
    }
}

TEST(Restart, KeepsItsSlots) {
    Bench bench;
    bench.start_worker(2);
    static_cast<void>(bench.client.result(bench.stop_worker()));
    EXPECT_EQ(start(bench, bench.client, bench.spec(5)).error().field, "slots");
    auto spec = bench.spec(2);
    spec.suspects = store::Suspects::none;
    EXPECT_EQ(start(bench, bench.client, spec).error().field, "slots");
    EXPECT_TRUE(start(bench, bench.client, bench.spec(2)).ok());
}

TEST(Restart, AtAnotherPort) {
    Bench bench;
    bench.start_worker(2);
    bench.store_jobs("a", 2);
    const auto leases = bench.client.next_leases(2);
    ASSERT_TRUE(leases[0]->start());
    static_cast<void>(bench.client.result(bench.stop_worker()));
    // What runs behind the first port is nobody's any longer.
    Client other;
    ASSERT_TRUE(start(bench, other, bench.spec(2)).ok());
    const auto again = other.next_leases(2);
    EXPECT_EQ(again[0]->lease().job.id, "a0");
    EXPECT_GT(again[0]->lease().standing.token, leases[0]->lease().standing.token);
    bench.settle(leases[0], job::Done{R"("late")"});
    for (const auto& lease : again) {
        ASSERT_TRUE(lease->start());
        bench.settle(lease, job::Done{R"("right")"});
    }
    bench.sync();
    EXPECT_EQ(bench.row("a0").standing.result, R"("right")");
    EXPECT_EQ(bench.engine->stats().lost, 1);

    Port::close(bench.client.port);  // the worker is not its any longer
    Client third;
    const Ticket stored = third.ticket();
    Insertion insertion{.from = {third.port, stored}, .group = {.jobs = {bench.job("b")}, .rows = {}, .actor = {}}};
    insertion.jobs = 1;
    ASSERT_TRUE(bench.engine->inbox().post(std::move(insertion)).ok());
    run_next(bench, other, "b");
}

TEST(Restart, AfterItsPortWasClosed) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    Port::close(bench.client.port);
    Client other;
    ASSERT_TRUE(start(bench, other, bench.spec(1)).ok()) << "the news of the port comes first";
    run_next(bench, other, "a0");
}

TEST(Restart, AtAPortThatClosedMeanwhile) {
    Bench bench;
    bench.store_jobs("a", 1);
    Client gone;
    Port::close(gone.port);
    ASSERT_TRUE(bench.engine->start_worker({gone.port, 1}, bench.spec(1)).ok());
    bench.advance(2'000);
    bench.sync();
    EXPECT_EQ(bench.state("a0"), State::ready);
    EXPECT_EQ(bench.engine->stats().claims, 0);
    ASSERT_TRUE(start(bench, bench.client, bench.spec(1)).ok());
    run_next(bench, bench.client, "a0");
}

TEST(Restart, ANativeRunGoesOn) {
    struct Gate {
        std::atomic<bool> entered{false};
        std::atomic<bool> open{false};
    };
    static Gate gate;  // handlers are registered for the whole process
    gate.entered = gate.open = false;
    static_cast<void>(register_native("test.gate", [](const NativeCall&) -> Result<std::string> {
        gate.entered = true;
        EXPECT_TRUE(wait_until([&] { return gate.open.load(); }));
        return std::string{"1"};
    }));
    Bench bench;
    bench.start_worker(bench.spec(1, {"test.gate"}));
    static_cast<void>(bench.client.result(bench.enqueue({bench.job("native", "test.gate")})));
    ASSERT_TRUE(wait_until([&] { return gate.entered.load(); }));
    static_cast<void>(bench.client.result(bench.stop_worker()));
    ASSERT_TRUE(start(bench, bench.client, bench.spec(1, {"t"})).ok());
    bench.store_jobs("a", 1);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty()) << "its slot is taken";
    gate.open = true;
    run_next(bench, bench.client, "a0");
    EXPECT_EQ(bench.state("native"), State::completed);
    EXPECT_EQ(bench.row("native").standing.attempt, 1);
}

TEST(SetWork, BringsTasksAndQueuesAndTakesThemAway) {
    Bench bench;
    bench.start_worker(2);
    auto added = bench.job("added", "new");
    auto elsewhere = bench.job("elsewhere");
    elsewhere.queue = "other";
    static_cast<void>(bench.client.result(bench.enqueue({added, elsewhere})));
    // Put aside as nobody's, it comes back with the announcement.
    ASSERT_TRUE(wait_until([&] {
        bench.advance(1'000);
        return bench.state("added") == State::parked;
    }));
    ASSERT_TRUE(
        bench.engine->set_work({{.queue = "q", .limit = 2}, {.queue = "other", .limit = 1}}, {"t", "new"}).ok());
    const auto first = bench.client.next_lease();
    const auto second = bench.client.next_lease();
    EXPECT_THAT((std::set{first->lease().job.id, second->lease().job.id}), ElementsAre("added", "elsewhere"));
    EXPECT_THAT(workers(bench).at(0).tasks, ElementsAre("t", "new"));
    EXPECT_THAT(workers(bench).at(0).queues, ElementsAre("q", "other"));

    ASSERT_TRUE(bench.engine->set_work({{.queue = "other", .limit = 2}}, {"t"}).ok());
    for (const auto& lease : {first, second}) {
        ASSERT_TRUE(lease->start());
        bench.settle(lease, job::Done{"1"});
    }
    bench.store_jobs("a", 1);
    bench.advance(2'000);
    bench.sync();
    EXPECT_EQ(bench.state("added"), State::completed) << "what was running is not touched";
    EXPECT_EQ(bench.state("a0"), State::ready);
    EXPECT_THAT(bench.client.leases, IsEmpty());
}

TEST(SetWork, WithoutAWorkerChangesNothing) {
    Bench bench;
    ASSERT_TRUE(bench.engine->set_work({{.queue = "q", .limit = 2}}, {"t"}).ok());
    bench.store_jobs("a", 1);
    bench.sync();
    EXPECT_EQ(bench.state("a0"), State::ready);
    EXPECT_EQ(bench.engine->stats().claims, 0);
}

}  // namespace
}  // namespace khala::engine
