// Stores that cannot serve for a while, stores that fail for good, and native handlers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/native.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using testing::wait_until;

testing::Faults::Gate refuse(const std::string& verb, ErrorCode code,
                             std::shared_ptr<std::atomic<int>> calls = nullptr) {
    return [=](const std::string& called) -> std::optional<Error> {
        if (called != verb) {
            return std::nullopt;
        }
        if (calls != nullptr) {
            ++*calls;
        }
        return Error{code, "store", "made to fail"};
    };
}

class TransientFailure : public ::testing::TestWithParam<ErrorCode> {};

TEST_P(TransientFailure, NewJobsGetTheErrorAndResultsAreKept) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    const auto calls = std::make_shared<std::atomic<int>>(0);
    bench.faults->set(refuse("exchange", GetParam(), calls));
    bench.settle(lease, job::Done{R"("kept")"});
    ASSERT_TRUE(wait_until([&] { return *calls >= 1; }));
    EXPECT_EQ(bench.client.result(bench.enqueue({bench.job("b")})).error().code, GetParam());
    for (int i = 0; i < 5; ++i) {
        const int seen = calls->load();
        bench.advance(1'000);  // tried again, ever more patiently
        ASSERT_TRUE(wait_until([&] { return *calls > seen || i > 0; }));
    }
    EXPECT_EQ(bench.state("a0"), State::running);

    bench.faults->set(nullptr);
    bench.advance(1'000);
    ASSERT_TRUE(wait_until([&] { return bench.state("a0") == State::completed; }));
    EXPECT_EQ(bench.row("a0").standing.result, R"("kept")");
    EXPECT_EQ(bench.client.answer<std::vector<store::Inserted>>(bench.enqueue({bench.job("b")})).at(0),
              store::Inserted::inserted);
    EXPECT_THAT(bench.client.lost, IsEmpty());
    EXPECT_THAT(bench.client.fatal, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Codes, TransientFailure,
                         ::testing::Values(ErrorCode::store_full, ErrorCode::busy, ErrorCode::io),
                         [](const auto& tested) { return std::string{name(tested.param)}; });

TEST(TransientFailures, LeasesAreRenewedWhileResultsWait) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.faults->set(refuse("exchange", ErrorCode::store_full));
    bench.settle(lease, job::Done{"1"});
    for (int third = 0; third < 12; ++third) {
        bench.advance(5'000);
        ASSERT_TRUE(wait_until([&] { return bench.engine->stats().renewals > third; }));
    }
    bench.faults->set(nullptr);
    bench.advance(1'000);
    ASSERT_TRUE(wait_until([&] { return bench.state("a0") == State::completed; }));
}

testing::Faults::Gate no_writes() {
    return [](const std::string& verb) -> std::optional<Error> {
        return verb == "exchange" || verb == "renew" || verb == "lapsed"
                   ? std::optional{Error{ErrorCode::unavailable, "", "gone"}}
                   : std::nullopt;
    };
}

TEST(TransientFailures, AResultOutlivesItsLeaseWhileTheStoreIsAway) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.faults->set(no_writes());
    bench.settle(lease, job::Done{"1"});
    for (Millis passed = 0; passed < 4 * EngineOptions{}.lease_ms; passed += 1'000) {
        bench.advance(1'000);
        bench.sync();
    }
    EXPECT_EQ(bench.state("a0"), State::running);
    bench.faults->set(nullptr);
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(100);
        return bench.state("a0") == State::completed;
    }));
    EXPECT_EQ(bench.row("a0").standing.attempt, 1);
    EXPECT_THAT(bench.client.lost, IsEmpty());
    EXPECT_THAT(bench.client.fatal, IsEmpty());
}

// Everybody was cut off: nobody's job is taken before its worker has had time to say that it lives.
TEST(TransientFailures, AfterALongOneNobodysJobsAreTakenForAWhile) {
    const auto away = [](const std::string&) { return std::optional{Error{ErrorCode::unavailable, "", "gone"}}; };
    Bench bench;
    Bench other{{}, bench.shared, 100, bench.clock};
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    WorkerSpec spec = other.spec(1);
    spec.id = "other";
    other.start_worker(spec);
    bench.faults->set(away);
    other.faults->set(away);
    for (Millis passed = 0; passed < 4 * EngineOptions{}.lease_ms; passed += 1'000) {
        bench.advance(1'000);
        bench.sync();
        other.sync();
    }
    other.faults->set(nullptr);  // it is the first to be back
    for (Millis passed = 0; passed < EngineOptions{}.lease_ms / 4; passed += 500) {
        other.advance(500);
        other.sync();
    }
    bench.faults->set(nullptr);
    bench.advance(1'000);
    bench.sync();
    bench.settle(lease, job::Done{"1"});
    ASSERT_TRUE(bench.client.pump_until([&] { return bench.state("a0") == State::completed; }));
    EXPECT_EQ(bench.row("a0").standing.attempt, 1);
    EXPECT_THAT(other.client.leases, IsEmpty());
}

// Whoever was cut off alone learns it when it is back.
TEST(TransientFailures, AResultOfAJobThatSomebodyElseHasIsLostWhenTheStoreAnswers) {
    Bench bench;
    Bench other{{}, bench.shared, 100, bench.clock};
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.faults->set(no_writes());
    bench.settle(lease, job::Done{"1"});
    WorkerSpec spec = other.spec(1);
    spec.id = "other";
    other.start_worker(spec);
    ASSERT_TRUE(other.client.pump_until([&] {
        other.advance(500);
        other.sync();
        return !other.client.leases.empty();
    }));
    EXPECT_THAT(bench.client.lost, IsEmpty());
    bench.faults->set(nullptr);
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(500);
        return !bench.client.lost.empty();
    }));
    EXPECT_EQ(bench.client.lost.at(0).id, "a0");
    EXPECT_EQ(bench.state("a0"), State::running);
}

// What a claim leased whose answer was lost is given back as often as it takes, long before the leases end.
TEST(TransientFailures, StraysAreGivenBackUntilItIsDone) {
    Bench bench;
    bench.store_jobs("a", 2);
    const auto refusals = std::make_shared<std::atomic<int>>(-1);  // -1: no answer was lost yet
    bench.faults->set([=](const std::string& verb) -> std::optional<Error> {
        if (verb == testing::ViewStore::kAnswer && *refusals < 0) {
            *refusals = 3;
            return Error{ErrorCode::unknown_outcome, "store", "made to be lost"};
        }
        if (verb == "exchange" && *refusals > 0) {
            --*refusals;
            return Error{ErrorCode::unavailable, "store", "made to fail"};
        }
        return std::nullopt;
    });
    bench.start_worker(2);
    const Millis begun = bench.clock->wall_ms();
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(50);
        bench.sync();
        return bench.client.leases.size() == 2;
    }));
    EXPECT_LT(bench.clock->wall_ms() - begun, EngineOptions{}.lease_ms / 2);
    EXPECT_EQ(*refusals, 0);
    EXPECT_EQ(bench.row("a0").standing.attempt, 1);
}

TEST(TransientFailures, ChoresAreTriedAgain) {
    Bench bench;
    const auto calls = std::make_shared<std::atomic<int>>(0);
    bench.faults->set(refuse("announce", ErrorCode::busy, calls));
    bench.start_worker(1);
    ASSERT_TRUE(wait_until([&] {
        bench.advance(500);
        return *calls >= 3;
    }));
    for (const char* verb : {"lapsed", "next_due", "unroutable", "prune", "idle", "get", "ask"}) {
        const auto failed = std::make_shared<std::atomic<int>>(0);
        bench.faults->set(refuse(verb, ErrorCode::busy, failed));
        if (std::string_view{verb} == "get") {
            bench.command(Watch{{bench.client.port, 5}, {"x"}});
        }
        if (std::string_view{verb} == "ask" || std::string_view{verb} == "idle") {
            bench.store_jobs(verb, 1);
        }
        ASSERT_TRUE(wait_until([&] {
            bench.advance(500);
            return *failed >= 1;
        })) << verb;
    }
    bench.faults->set(nullptr);
    const auto is_watched_answered = [&] {
        return std::any_of(bench.client.replies.begin(), bench.client.replies.end(),
                           [](const auto& reply) { return reply.first == 5; });
    };
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(500);  // the next look is a chore, too
        return is_watched_answered();
    }));
    EXPECT_EQ(bench.client.result(5).error().code, ErrorCode::not_found);
    EXPECT_THAT(bench.client.fatal, IsEmpty());
}

class FatalFailure : public ::testing::TestWithParam<std::pair<const char*, ErrorCode>> {};

TEST_P(FatalFailure, EveryPortIsToldAndEveryCallRaises) {
    Bench bench;
    testing::Client watching;
    bench.command(Watch{{watching.port, 5}, {"w0"}});
    bench.start_worker(2);
    bench.store_jobs("w", 2);
    const auto leases = bench.client.next_leases(2);
    ASSERT_TRUE(leases[0]->start());
    bench.faults->set(refuse(GetParam().first, GetParam().second));
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(1'000);
        static_cast<void>(bench.engine->inbox().post(Asked{{bench.client.port, 1}, PruneJobs{}}));
        static_cast<void>(bench.engine->inbox().post(PauseClaims{false}));
        return !bench.client.fatal.empty();
    }));
    EXPECT_EQ(bench.client.fatal.at(0).code, GetParam().second);
    EXPECT_THAT(bench.client.fatal, SizeIs(1));
    ASSERT_TRUE(watching.pump_until([&] { return !watching.fatal.empty(); }));
    EXPECT_EQ(bench.engine->inbox().post(Reclaimed{0}).error().code, GetParam().second);
    EXPECT_FALSE(leases[1]->start()) << "nothing begins on a failed engine";
    EXPECT_TRUE(bench.engine->close(5'000));
}

INSTANTIATE_TEST_SUITE_P(Verbs, FatalFailure,
                         ::testing::Values(std::pair{"exchange", ErrorCode::corrupt},
                                           std::pair{"renew", ErrorCode::schema},
                                           std::pair{"lapsed", ErrorCode::internal},
                                           std::pair{"announce", ErrorCode::closed}),
                         [](const auto& tested) { return std::string{tested.param.first}; });

// The same errors pass on a store that can serve again (TransientFailure).
TEST(FatalFailures, AStoreThatFailedForGoodEndsAnIdleWorker) {
    Bench bench;
    bench.start_worker(1);
    bench.faults->store_failed = true;
    bench.faults->set([](const std::string&) { return Error{ErrorCode::io, "path", "was deleted"}; });
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(1'000);
        return !bench.client.fatal.empty();
    }));
    EXPECT_EQ(bench.client.fatal.at(0).code, ErrorCode::io);
    EXPECT_EQ(bench.client.fatal.at(0).field, "path");
}

TEST(FatalFailures, AStoreThatFailedForGoodEndsWhoOnlyAsksAfterAnAnswer) {
    Bench bench;
    bench.faults->store_failed = true;
    bench.faults->set([](const std::string&) { return Error{ErrorCode::io, "path", "was deleted"}; });
    EXPECT_EQ(bench.client.result(bench.ask(CountQueues{})).error().code, ErrorCode::io);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.fatal.empty(); }));
}

TEST(FatalFailures, ADamagedAnswerToAQuestionIsNotTheEnd) {
    Bench bench;
    bench.faults->set(refuse("counts", ErrorCode::corrupt));
    EXPECT_EQ(bench.client.result(bench.ask(CountQueues{})).error().code, ErrorCode::corrupt);
    bench.store_jobs("a", 1);
}

TEST(FatalFailures, AThrowingStoreEndsTheEngineNotTheProcess) {
    Bench bench;
    bench.faults->set([](const std::string& verb) -> std::optional<Error> {
        if (verb == "exchange") {
            throw std::bad_alloc{};
        }
        return std::nullopt;
    });
    static_cast<void>(bench.enqueue({bench.job("a")}));
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.fatal.empty(); }));
    EXPECT_EQ(bench.client.fatal.at(0).code, ErrorCode::internal);
}

// --- damaged rows -----------------------------------------------------------------------------------------------

TEST(Damage, IsQuarantinedAndWatchersAreTold) {
    Bench bench;
    bench.store_jobs("a", 2);
    bench.command(Watch{{bench.client.port, 5}, {"a0"}});
    bench.sync();
    {
        const std::lock_guard lock{bench.shared->mutex};
        ASSERT_TRUE(bench.shared->store.damage("a0"));
    }
    bench.start_worker(2);
    EXPECT_EQ(bench.client.answer<ClosedRow>(5)->standing.state, State::quarantined);
    EXPECT_EQ(bench.client.next_lease()->lease().job.id, "a1");
    EXPECT_EQ(bench.engine->stats().damaged, 1);
}

// --- native handlers --------------------------------------------------------------------------------------------

store::JobRow run_native(Bench& bench, const std::string& task, const std::string& payload) {
    auto job = bench.job("native", task);
    job.payload = payload;
    static_cast<void>(bench.client.result(bench.enqueue({job})));
    bench.command(Watch{{bench.client.port, 900}, {"native"}});
    return *bench.client.answer<ClosedRow>(900);
}

TEST(Native, BuiltInsRunWithoutThePort) {
    EXPECT_THAT(native_tasks(), Contains("khala.echo"));
    EXPECT_THAT(native_tasks(), Contains("khala.checksum"));
    EXPECT_THAT(native_tasks(), Contains("khala.sleep"));
    Bench echo;
    echo.start_worker(echo.spec(1, {"khala.echo"}));
    EXPECT_EQ(run_native(echo, "khala.echo", R"([1,"two"])").standing.result, R"([1,"two"])");
    EXPECT_EQ(echo.engine->stats().native_runs, 1);
    Bench sum;
    sum.start_worker(sum.spec(1, {"khala.checksum"}));
    EXPECT_THAT(run_native(sum, "khala.checksum", "[]").standing.result, HasSubstr(R"("size_bytes":2)"));
    Bench nap;
    nap.start_worker(nap.spec(1, {"khala.sleep"}));
    EXPECT_EQ(run_native(nap, "khala.sleep", R"({"args":[1],"kwargs":{}})").standing.result, R"({"slept_ms":1})");
}

TEST(Native, BadArgumentsAreAFailureOfTheJob) {
    Bench bench;
    bench.start_worker(bench.spec(1, {"khala.sleep"}));
    const auto row = run_native(bench, "khala.sleep", R"(["soon"])");
    EXPECT_EQ(row.standing.state, State::failed);
    EXPECT_THAT(row.standing.error, HasSubstr("milliseconds"));
}

TEST(Native, WhatAHandlerThrowsIsAFailureToo) {
    // For the whole process: the second time the tests are repeated the names are taken.
    static const bool is_first =
        register_native("test.throws", [](const NativeCall&) -> Result<std::string> { throw std::bad_alloc{}; });
    ASSERT_TRUE(is_first);
    ASSERT_FALSE(
        register_native("test.throws", [](const NativeCall&) -> Result<std::string> { return std::string{}; }));
    static const bool others =
        register_native("test.throws_int", [](const NativeCall&) -> Result<std::string> { throw 7; }) &&
        register_native("test.not_json", [](const NativeCall&) -> Result<std::string> { return std::string{"{"}; });
    ASSERT_TRUE(others);
    for (const char* task : {"test.throws", "test.throws_int", "test.not_json"}) {
        Bench bench;
        bench.start_worker(bench.spec(1, {task}));
        EXPECT_EQ(run_native(bench, task, "[]").standing.state, State::failed) << task;
    }
}

TEST(Native, AHandlerCanBeCancelled) {
    Bench bench;
    bench.start_worker(bench.spec(1, {"khala.sleep"}));
    auto job = bench.job("long", "khala.sleep");
    job.payload = "[3600000]";
    static_cast<void>(bench.client.result(bench.enqueue({job})));
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().native_runs == 1; }));
    static_cast<void>(bench.client.result(bench.ask(ManageJobs{store::Verb::cancel, {"long"}, "no", "me"})));
    ASSERT_TRUE(wait_until([&] { return bench.state("long") == State::cancelled; }));
}

TEST(Native, AHardTimeoutEndsTheJobAndFreesTheSlotWhenTheHandlerIsBack) {
    Bench bench;
    bench.start_worker(bench.spec(1, {"khala.sleep"}));
    auto job = bench.job("long", "khala.sleep");
    job.payload = "[3600000]";
    job.hard_timeout_ms = 100;
    auto next = bench.job("next", "khala.sleep");
    next.payload = "[0]";
    static_cast<void>(bench.client.result(bench.enqueue({job, next})));
    ASSERT_TRUE(wait_until([&] {
        bench.advance(100);
        return bench.engine->stats().timeouts == 1;
    }));
    ASSERT_TRUE(wait_until([&] { return bench.state("long") == State::failed; }));
    ASSERT_TRUE(wait_until([&] { return bench.state("next") == State::completed; }));
    EXPECT_THAT(bench.client.abandons, IsEmpty());
}

TEST(Native, ASoftTimeoutIsAFailureByTimeout) {
    Bench bench;
    bench.start_worker(bench.spec(1, {"khala.sleep"}));
    auto job = bench.job("long", "khala.sleep");
    job.payload = "[3600000]";
    job.soft_timeout_ms = 100;
    static_cast<void>(bench.client.result(bench.enqueue({job})));
    ASSERT_TRUE(wait_until([&] {
        bench.advance(100);
        return bench.state("long") == State::failed;
    }));
    EXPECT_THAT(bench.row("long").standing.error, HasSubstr("TimeoutError"));
}

TEST(Native, ClosingStopsHandlersAndGivesTheirJobsBack) {
    Bench bench;
    bench.start_worker(bench.spec(2, {"khala.sleep"}));
    auto job = bench.job("long", "khala.sleep");
    job.payload = "[3600000]";
    static_cast<void>(bench.client.result(bench.enqueue({job})));
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().native_runs == 1; }));
    EXPECT_TRUE(bench.engine->close(5'000));
    const std::lock_guard lock{bench.shared->mutex};
    const std::vector<std::string> ids{"long"};
    EXPECT_EQ(bench.shared->store.get(ids, false).value().at(0)->standing.state, State::ready);
}

}  // namespace
}  // namespace khala::engine
