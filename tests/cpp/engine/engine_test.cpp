// Jobs through a whole engine on the memory store: enqueue, claim, run, settle, watch, ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/loop.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using testing::boom;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::wait_until;

using Codes = std::vector<store::Inserted>;

TEST(Engine, RunsAJobFromEnqueueToResult) {
    Bench bench;
    bench.start_worker(2);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    EXPECT_EQ(lease->lease().job.id, "a0");
    EXPECT_EQ(lease->lease().standing.attempt, 1);
    EXPECT_TRUE(lease->start());
    bench.settle(lease, job::Done{R"("topics")"});
    bench.sync();
    const auto row = bench.row("a0");
    EXPECT_EQ(row.standing.state, State::completed);
    EXPECT_EQ(row.standing.result, R"("topics")");
    EXPECT_EQ(bench.engine->stats().settles, 1);
    EXPECT_EQ(bench.engine->stats().running, 0);
}

TEST(Engine, ClaimsOnlyForFreeSlots) {
    Bench bench;
    bench.start_worker(3);
    bench.store_jobs("a", 10);
    auto leases = bench.client.next_leases(3);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    EXPECT_EQ(bench.engine->stats().claims, 3);
    for (int done = 0; done < 10; ++done) {
        ASSERT_TRUE(leases.front()->start());
        bench.settle(leases.front(), job::Done{"1"});
        leases.erase(leases.begin());
        if (done < 7) {
            leases.push_back(bench.client.next_lease());
        }
    }
    bench.sync();
    EXPECT_EQ(bench.engine->stats().settles, 10);
}

TEST(Engine, HoldsToTheLimitOfEachQueue) {
    Bench bench;
    auto spec = bench.spec(10);
    spec.queues = {{.queue = "q", .limit = 2}, {.queue = "other", .limit = 3}};
    bench.start_worker(spec);
    std::vector<store::NewJob> jobs;
    for (int i = 0; i < 12; ++i) {
        jobs.push_back(bench.job("j" + std::to_string(i)));
        jobs.back().queue = i % 2 == 0 ? "q" : "other";
    }
    EXPECT_EQ(bench.client.answer<Codes>(bench.enqueue(jobs)).size(), 12U);
    auto leases = bench.client.next_leases(5);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    // A place in a queue that was used up brings the next job of that queue.
    const auto of_q =
        std::find_if(leases.begin(), leases.end(), [](const auto& l) { return l->lease().job.queue == "q"; });
    ASSERT_TRUE((*of_q)->start());
    bench.settle(*of_q, job::Done{"1"});
    EXPECT_EQ(bench.client.next_lease()->lease().job.queue, "q");
}

TEST(Engine, InsertsAndClaimsInOneTransaction) {
    Bench bench;
    bench.start_worker(1);
    bench.sync();
    const auto before = bench.engine->stats().commits.load();
    bench.store_jobs("a", 1);
    static_cast<void>(bench.client.next_lease());
    EXPECT_EQ(bench.engine->stats().commits, before + 1);
}

TEST(Engine, AClientClaimsNothing) {
    Bench bench;
    bench.store_jobs("a", 3);
    bench.advance(60'000);
    bench.sync();
    EXPECT_EQ(bench.engine->stats().claims, 0);
    EXPECT_EQ(bench.state("a0"), State::ready);
}

TEST(Engine, AnIdExistsOnce) {
    Bench bench;
    bench.store_jobs("a", 1);
    EXPECT_THAT(bench.client.answer<Codes>(bench.enqueue({bench.job("a0")})), ElementsAre(store::Inserted::exists));
    EXPECT_EQ(bench.engine->stats().inserted, 1);
}

TEST(Engine, OneCallersMistakeIsNobodyElses) {
    Bench bench;
    // All three wait while a question is being answered, so they land in one transaction.
    testing::Hold hold{*bench.faults, "counts"};
    static_cast<void>(bench.ask(CountQueues{}));
    hold.wait_until_held();
    const Ticket one = bench.enqueue({bench.job("one")});
    const Ticket bad = bench.enqueue({bench.job("bad")}, testing::kRefused);
    const Ticket two = bench.enqueue({bench.job("two")});
    hold.release();
    EXPECT_THAT(bench.client.answer<Codes>(one), ElementsAre(store::Inserted::inserted));
    EXPECT_EQ(bench.client.result(bad).error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(bench.client.answer<Codes>(two), ElementsAre(store::Inserted::inserted));
}

TEST(Engine, PolicyDecidesAboutFailures) {
    Bench bench;
    bench.start_worker(1);
    auto once = bench.job("fails");
    auto again = bench.job("retried");
    again.retry = R"({"kind":"fixed","max":1,"base_ms":60000})";
    static_cast<void>(bench.client.result(bench.enqueue({once, again})));
    for (int i = 0; i < 2; ++i) {
        const auto lease = bench.client.next_lease();
        ASSERT_TRUE(lease->start());
        bench.settle(lease, boom());
    }
    bench.sync();
    EXPECT_EQ(bench.state("fails"), State::failed);
    EXPECT_EQ(bench.state("retried"), State::scheduled);
    bench.advance(59'000);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    bench.advance(1'000);
    const auto second = bench.client.next_lease();
    EXPECT_EQ(second->lease().standing.attempt, 2);
    ASSERT_TRUE(second->start());
    bench.settle(second, boom());
    bench.sync();
    EXPECT_EQ(bench.state("retried"), State::failed);
}

TEST(Engine, ASnoozeCostsNoAttempt) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.settle(lease, job::Snooze{5'000, "later"});
    bench.sync();
    EXPECT_EQ(bench.state("a0"), State::scheduled);
    bench.advance(5'000);
    lease = bench.client.next_lease();
    EXPECT_EQ(lease->lease().standing.attempt, 1);
}

TEST(Engine, AReleasedJobIsOfferedAtOnce) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    auto lease = bench.client.next_lease();
    bench.settle(lease, job::Release{"not mine"});
    lease = bench.client.next_lease();
    EXPECT_EQ(lease->lease().standing.attempt, 1);
}

TEST(Engine, ScheduledJobsComeWhenTheyAreDue) {
    Bench bench;
    bench.start_worker(1);
    auto later = bench.job("later");
    later.run_at = bench.clock->wall_ms() + 5'300;
    static_cast<void>(bench.client.result(bench.enqueue({later})));
    bench.advance(5'200);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    bench.advance(100);
    EXPECT_EQ(bench.client.next_lease()->lease().job.id, "later");
}

// By the time the store has said when it is due, it is: nobody will say so again.
TEST(Engine, AJobThatBecomesDueWhileTheStoreIsAskedIsNotLeftToTheNextLook) {
    Bench bench;
    bench.start_worker(1);
    bench.sync();
    const auto asked = std::make_shared<std::atomic<bool>>(false);
    bench.faults->set([&bench, asked](const std::string& verb) -> std::optional<Error> {
        if (verb == "next_due" && !asked->exchange(true)) {
            store::InsertGroup group{.jobs = {bench.job("a")}, .rows = {}, .actor = ""};
            group.jobs.front().run_at = bench.clock->wall_ms() + 3;
            const std::lock_guard lock{bench.shared->mutex};
            EXPECT_TRUE(bench.shared->store.exchange({.inserts = {&group, 1}, .moves = {}, .claim = nullptr}));
            bench.clock->advance(4);
        }
        return std::nullopt;
    });
    ASSERT_TRUE(wait_until([&] {
        bench.advance(*asked ? 0 : 500);
        return asked->load();
    }));
    EXPECT_NE(bench.client.next_lease(), nullptr) << "without another look";
}

TEST(Engine, JobsOfUnknownTasksAreParkedAndComeBack) {
    Bench bench;
    bench.start_worker(2);
    static_cast<void>(bench.client.result(bench.enqueue({bench.job("x", "unknown")})));
    ASSERT_TRUE(wait_until([&] {
        bench.advance(1'000);
        return bench.state("x") == State::parked;
    }));
    EXPECT_THAT(bench.client.leases, IsEmpty());

    Bench other{{}, bench.shared, 100, bench.clock};
    auto spec = other.spec(1, {"unknown"});
    spec.id = "w2";
    other.start_worker(spec);
    EXPECT_EQ(other.client.next_lease()->lease().job.id, "x");
}

TEST(Engine, ClosedJobsArePruned) {
    Bench bench;
    bench.start_worker(1);
    auto brief = bench.job("brief");
    brief.result_ttl_ms = 1'000;
    static_cast<void>(bench.client.result(bench.enqueue({brief})));
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.settle(lease, job::Done{"1"});
    ASSERT_TRUE(wait_until([&] {
        bench.advance(1'000);
        return bench.engine->stats().pruned == 1;
    }));
}

TEST(Engine, AFullWorkerClosesWhatIsOverdue) {
    Bench bench;
    auto spec = bench.spec(1);
    spec.suspects = store::Suspects::none;
    bench.start_worker(spec);
    bench.store_jobs("busy", 1);
    static_cast<void>(bench.client.next_lease());
    auto brief = bench.job("brief");
    brief.expires_at = bench.clock->wall_ms() + 500;
    static_cast<void>(bench.client.result(bench.enqueue({brief})));
    ASSERT_TRUE(wait_until([&] {
        bench.advance(100);
        return bench.state("brief") == State::expired;
    }));
    EXPECT_EQ(bench.engine->stats().claims, 1);
}

// --- questions --------------------------------------------------------------------------------------------------

TEST(Questions, EachIsAnsweredByItsType) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 3);
    auto& client = bench.client;
    EXPECT_EQ(client.answer<store::ListPage>(bench.ask(ListJobs{})).rows.size(), 3U);
    EXPECT_EQ(client.answer<std::vector<store::QueueCounts>>(bench.ask(CountQueues{})).at(0).queue, "q");
    EXPECT_THAT(client.answer<std::vector<store::TaskCounters>>(bench.ask(ReadTaskCounters{})), IsEmpty());
    EXPECT_EQ(client.answer<std::vector<store::WorkerInfo>>(bench.ask(ReadWorkers{})).at(0).id, "w");
    EXPECT_THAT(client.answer<std::vector<store::Event>>(bench.ask(ReadEvents{.queue = "q"})), IsEmpty());
    EXPECT_THAT(client.answer<std::vector<std::string>>(bench.ask(CheckStore{})), IsEmpty());
    EXPECT_EQ(client.answer<std::int64_t>(bench.ask(PruneJobs{})), 0);
    store::QueueChange change;
    change.queue = "q";
    change.paused = true;
    static_cast<void>(client.answer<std::monostate>(bench.ask(ChangeQueue{change})));
    EXPECT_TRUE(client.answer<std::vector<store::QueueCounts>>(bench.ask(CountQueues{"q"})).at(0).settings.paused);
    store::ListQuery wrong;
    wrong.limit = 0;
    EXPECT_EQ(client.result(bench.ask(ListJobs{wrong})).error().code, ErrorCode::invalid_argument);
}

TEST(Questions, APausedQueueIsLeftAloneUntilItIsResumed) {
    Bench bench;
    store::QueueChange change;
    change.queue = "q";
    change.paused = true;
    static_cast<void>(bench.client.result(bench.ask(ChangeQueue{change})));
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    change.paused = false;
    static_cast<void>(bench.client.result(bench.ask(ChangeQueue{change})));
    EXPECT_EQ(bench.client.next_lease()->lease().job.id, "a0");
}

// --- the face ---------------------------------------------------------------------------------------------------

TEST(Face, ChecksItsOptions) {
    const auto field = [](auto change) {
        EngineOptions options;
        change(options);
        const auto started = Engine::start(open_store("memory://", true, nullptr, 1'000).value(), options);
        return started ? std::string{} : started.error().field;
    };
    EXPECT_EQ(field([](EngineOptions&) {}), "");
    EXPECT_EQ(field([](EngineOptions& options) { options.lease_ms = kLeaseMinMs - 1; }), "lease_ms");
    EXPECT_EQ(field([](EngineOptions& options) { options.lease_ms = kLeaseMaxMs + 1; }), "lease_ms");
    EXPECT_EQ(field([](EngineOptions& options) { options.max_crashes = 0; }), "max_crashes");
    EXPECT_EQ(field([](EngineOptions& options) { options.inbox.jobs = 0; }), "inbox");
    EXPECT_EQ(field([](EngineOptions& options) { options.result_bytes = 0; }), "max_result_bytes");
}

TEST(Face, ChecksTheWorker) {
    Bench bench;
    const auto field = [&](auto change) {
        WorkerSpec spec = bench.spec(1);
        change(spec);
        const Status status = bench.engine->start_worker({bench.client.port, 1}, spec);
        return status ? std::string{} : status.error().field;
    };
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.id = ""; }), "worker");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.slots = 0; }), "slots");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.slots = store::kSlotsMax; }), "slots");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.queues.clear(); }), "queues");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.queues[0].limit = 0; }), "queues");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.queues.push_back(spec.queues[0]); }), "queues");
    EXPECT_EQ(field([](WorkerSpec& spec) { spec.tasks = {"a\nb"}; }), "tasks");
    EXPECT_EQ(field([](WorkerSpec&) {}), "");
    EXPECT_TRUE(bench.client.result(1).ok());
    EXPECT_EQ(field([](WorkerSpec&) {}), "");
    EXPECT_EQ(bench.client.result(1).error().field, "worker") << "one engine runs one worker";

    EXPECT_EQ(bench.engine->set_work({}, {"t"}).error().field, "queues");
    EXPECT_EQ(bench.engine->set_work({{.queue = "q", .limit = 0}}, {"t"}).error().field, "queues");
    EXPECT_EQ(bench.engine->set_work({{.queue = "q", .limit = 1}}, {""}).error().field, "tasks");
}

TEST(Face, SaysWhatIsWrongWithAnUrl) {
    for (const char* url : {"", "redis://localhost:x", "memory", "memory://x", "sqlite", "postgres://h/db"}) {
        const auto opened = open_store(url, true, nullptr, 1'000);
        ASSERT_FALSE(opened.ok()) << url;
        EXPECT_EQ(opened.error().code, ErrorCode::invalid_argument) << url;
        EXPECT_EQ(opened.error().field, "url");
    }
}

TEST(Face, BackPressureEndsWhenTheStoreHasTaken) {
    EngineOptions options;
    options.inbox = {.jobs = 5, .bytes = 1'000'000};
    Bench bench{options};
    testing::Hold hold{*bench.faults, "exchange"};
    const Ticket first =
        bench.enqueue({bench.job("a"), bench.job("b"), bench.job("c"), bench.job("d"), bench.job("e")});
    hold.wait_until_held();
    EXPECT_TRUE(bench.engine->inbox().full()) << "what is not stored yet counts";
    bench.command(AwaitSpace{{bench.client.port, 99}});
    EXPECT_THAT(bench.client.replies, IsEmpty());
    hold.release();
    EXPECT_EQ(bench.client.answer<Codes>(first).size(), 5U);
    static_cast<void>(bench.client.answer<std::monostate>(99));
    EXPECT_FALSE(bench.engine->inbox().full());
}

TEST(Face, AskingForSpaceThatIsThereIsAnsweredAtOnce) {
    Bench bench;
    bench.command(AwaitSpace{{bench.client.port, 99}});
    static_cast<void>(bench.client.answer<std::monostate>(99));
}

TEST(Idle, AWorkerAsksOneQuestionInThePace) {
    Bench bench;
    bench.start_worker(4);
    bench.sync();
    bench.advance(2'000);
    bench.sync();
    const auto queries = [&] { return bench.engine->stats().store_queries.load(); };
    bench.advance(1'000);
    ASSERT_TRUE(wait_until([&, at = queries()] { return queries() >= at; }));
    const auto before = queries();
    constexpr int kQuestions = 80;
    for (int question = 1; question <= kQuestions; ++question) {
        for (int step = 0; step < 15; ++step) {
            bench.advance(kIdlePaceMs / 15);
        }
        ASSERT_TRUE(wait_until([&] { return queries() >= before + question - 1; }));
    }
    EXPECT_LE(queries() - before, kQuestions + 1);
}

TEST(Idle, ALongRunDelaysNoChore) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("long", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    std::mutex mutex;
    std::multiset<std::string> verbs;
    bench.faults->set([&](const std::string& verb) -> std::optional<Error> {
        const std::lock_guard lock{mutex};
        verbs.insert(verb);
        return std::nullopt;
    });
    // Steps that meet every question about the lease, which comes each second, exactly.
    for (int second = 1; second <= 120; ++second) {
        bench.advance(1'000);
        bench.sync();
    }
    bench.faults->set(nullptr);
    const std::lock_guard lock{mutex};
    for (const char* verb : {"announce", "lapsed", "next_due", "unroutable", "prune", "exchange"}) {
        EXPECT_GE(verbs.count(verb), 4U) << verb;
    }
}

TEST(Idle, AClientAsksNothing) {
    Bench bench;
    bench.store_jobs("a", 1);
    bench.sync();
    const auto before = bench.engine->stats().store_queries.load();
    for (int second = 0; second < 20; ++second) {
        bench.advance(1'000);
    }
    bench.sync();
    EXPECT_LE(bench.engine->stats().store_queries - before, 3) << "what the test asked, and one checkpoint";
}

}  // namespace
}  // namespace khala::engine
