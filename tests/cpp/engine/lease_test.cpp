// Leases: renewed, lost, cancelled, timed out, given back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "engine/loop.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using testing::boom;
using ::testing::HasSubstr;
using testing::Hold;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::wait_until;

constexpr Millis kLease = 15'000;

std::shared_ptr<Delivery> run_one(Bench& bench, store::NewJob job) {
    bench.start_worker(2);
    static_cast<void>(bench.client.result(bench.enqueue({std::move(job)})));
    auto lease = bench.client.next_lease();
    EXPECT_TRUE(lease->start());
    return lease;
}

// --- renewals ---------------------------------------------------------------------------------------------------

TEST(Renewal, KeepsARunningJobForAnyNumberOfLeases) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    for (int third = 0; third < 30; ++third) {
        bench.advance(kLease / 3);
        ASSERT_TRUE(wait_until([&] { return bench.engine->stats().renewals == third + 1; }));
    }
    EXPECT_EQ(bench.engine->stats().max_renew_gap_ms, kLease / 3);
    bench.settle(lease, job::Done{"1"});
    bench.sync();
    EXPECT_EQ(bench.state("a"), State::completed);
    EXPECT_EQ(bench.engine->stats().lost, 0);
}

TEST(Renewal, StopsWhenNothingIsHeld) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    bench.settle(lease, job::Done{"1"});
    bench.sync();
    for (int second = 0; second < 30; ++second) {
        bench.advance(1'000);
    }
    bench.sync();
    EXPECT_EQ(bench.engine->stats().renewals, 0);
}

TEST(Renewal, ComesBeforeABacklogOfNewJobs) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    std::mutex mutex;
    std::vector<std::string> verbs;
    std::atomic<bool> held{false};
    std::atomic<bool> released{false};
    bench.faults->set([&](const std::string& verb) -> std::optional<Error> {
        held = held || verb == "counts";
        while (verb == "counts" && !released) {
            std::this_thread::yield();
        }
        const std::lock_guard lock{mutex};
        verbs.push_back(verb);
        return std::nullopt;
    });
    static_cast<void>(bench.ask(CountQueues{}));
    ASSERT_TRUE(wait_until([&] { return held.load(); }));
    const Ticket later = bench.enqueue({bench.job("b")});
    bench.clock->advance(kLease / 3);
    released = true;
    static_cast<void>(bench.client.result(later));
    bench.faults->set(nullptr);
    const std::lock_guard lock{mutex};
    const auto renewed = std::find(verbs.begin(), verbs.end(), "renew");
    const auto inserted = std::find(verbs.begin(), verbs.end(), "exchange");
    EXPECT_LT(renewed, inserted);
}

TEST(Renewal, CarriesTheLatestProgressAtMostOnceASecond) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    for (int i = 1; i <= 50; ++i) {
        bench.command(NoteProgress{lease, {.count = i, .total = 100, .message = "page " + std::to_string(i)}});
    }
    bench.sync();
    EXPECT_EQ(bench.row("a").standing.progress_count, 0);
    bench.advance(1'000);
    ASSERT_TRUE(wait_until([&] { return bench.row("a").standing.progress_count == 50; }));
    EXPECT_EQ(bench.row("a").standing.progress_message, "page 50");
}

TEST(Renewal, TheLastProgressIsWrittenBeforeTheEnd) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    bench.command(NoteProgress{lease, {.count = 9, .total = 9, .message = "all"}});
    bench.command(Watch{{bench.client.port, 5}, {"a"}});
    bench.settle(lease, job::Done{"1"});
    EXPECT_EQ(bench.client.answer<ClosedRow>(5)->standing.progress_count, 9);
    EXPECT_EQ(bench.row("a").standing.progress_message, "all");
}

TEST(Lost, ARunningJobIsToldToStopAndItsLateResultIsRefused) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    // The engine cannot renew while another one takes the job back and runs it.
    bench.faults->set([](const std::string& verb) -> std::optional<Error> {
        return verb == "renew" || verb == "ask" ? std::optional{Error{ErrorCode::busy, "", "held up"}} : std::nullopt;
    });
    Bench other{{}, bench.shared, 100, bench.clock};
    auto spec = other.spec(1);
    spec.id = "w2";
    other.start_worker(spec);
    other.sync();
    bench.clock->advance(kLease + 1);
    other.engine->inbox().poke();
    ASSERT_TRUE(other.client.pump_until([&] {
        other.advance(500);
        return !other.client.leases.empty();
    }));
    const auto second = other.client.next_lease();
    EXPECT_GT(second->lease().standing.token, lease->lease().standing.token);
    EXPECT_EQ(second->lease().standing.attempt, 2);
    EXPECT_FALSE(second->lease().standing.suspect) << "its holder lives: nobody is blamed";

    bench.faults->set(nullptr);
    ASSERT_TRUE(bench.client.pump_until([&] {
        bench.advance(500);
        return !bench.client.stops.empty();
    }));
    EXPECT_EQ(bench.client.stops.at(0).reason, StopReason::lease_lost);
    bench.settle(lease, job::Done{R"("late")"});
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.lost.empty(); }));
    EXPECT_EQ(bench.client.lost.at(0).id, "a0");
    EXPECT_EQ(bench.client.lost.at(0).token, lease->lease().standing.token);

    ASSERT_TRUE(second->start());
    other.settle(second, job::Done{R"("right")"});
    other.sync();
    const auto row = other.row("a0");
    EXPECT_EQ(row.standing.result, R"("right")");
    EXPECT_THAT(row.history, SizeIs(3)) << "both attempts, and a note of what came late";
}

TEST(Lost, ALeaseThatCameWhenItWasOverIsGivenBackAndNotRun) {
    Bench bench;
    bench.start_worker(1);
    bench.sync();
    std::atomic<int> claims{0};
    bench.faults->set([&](const std::string& verb) -> std::optional<Error> {
        if (verb == "exchange" && claims.fetch_add(1) == 0) {
            bench.clock->advance(kLease);  // the answer is on its way for that long
        }
        return std::nullopt;
    });
    bench.store_jobs("a", 1);
    bench.advance(kIdlePaceMs);
    const auto lease = bench.client.next_lease();
    bench.faults->set(nullptr);
    EXPECT_GE(claims.load(), 2);
    EXPECT_TRUE(lease->start());
    const std::lock_guard lock{bench.shared->mutex};
    const auto row = bench.shared->store.get(std::vector<std::string>{"a0"}, true).value().at(0);
    EXPECT_EQ(row->standing.token, lease->lease().standing.token);
    EXPECT_EQ(row->standing.attempt, 1) << "the run that never began does not count";
}

TEST(Lost, AJobThatWasNotStartedIsDroppedSilently) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    {
        const std::lock_guard lock{bench.shared->mutex};  // as if another process had taken it back
        auto lapsed_at = bench.shared->store.get(std::vector<std::string>{"a0"}, false).value();
        Rng rng{1};
        job::Lease held{.ref = lapsed_at[0]->ref, .job = lapsed_at[0]->job, .standing = lapsed_at[0]->standing};
        const std::vector<store::Move> moves{job::decide(held, job::Release{"taken"}, bench.clock->wall_ms(), rng)};
        ASSERT_EQ(bench.shared->store.exchange({.inserts = {}, .moves = moves, .claim = nullptr})->moves.at(0),
                  store::Moved::applied);
    }
    bench.advance(kLease / 3);
    const auto again = bench.client.next_lease();
    EXPECT_FALSE(lease->start());
    EXPECT_GT(again->lease().standing.token, lease->lease().standing.token);
    EXPECT_THAT(bench.client.stops, IsEmpty());
    EXPECT_THAT(bench.client.lost, IsEmpty());
}

// --- cancellation -----------------------------------------------------------------------------------------------

TEST(Cancel, HereReachesARunningJobWithoutWaiting) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    const auto verdict = bench.client.answer<std::vector<store::Managed>>(
        bench.ask(ManageJobs{store::Verb::cancel, {"a"}, "enough", "me"}));
    EXPECT_EQ(verdict.at(0), store::Managed::requested);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.stops.empty(); }));
    EXPECT_EQ(bench.client.stops.at(0).slot, lease->slot());
    EXPECT_EQ(bench.client.stops.at(0).reason, StopReason::cancelled);
    bench.settle(lease, boom("CancelledError"));
    bench.sync();
    EXPECT_EQ(bench.state("a"), State::cancelled);
    EXPECT_THAT(bench.row("a").standing.reason, HasSubstr("enough"));
}

TEST(Cancel, ElsewhereReachesARunningJobWithinASecond) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    Bench other{{}, bench.shared, 100, bench.clock};
    static_cast<void>(other.client.result(other.ask(ManageJobs{store::Verb::cancel, {"a"}, "", "x"})));
    bench.advance(1'000);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.stops.empty(); }));
    EXPECT_EQ(bench.client.stops.at(0).reason, StopReason::cancelled);
    bench.advance(1'000);
    bench.advance(kLease / 3);
    bench.sync();
    EXPECT_THAT(bench.client.stops, SizeIs(1)) << "once is enough";
    bench.settle(lease, job::Done{"1"});
    bench.sync();
    EXPECT_EQ(bench.state("a"), State::completed) << "a result is kept";
}

TEST(Cancel, OfAJobThatWasNotStartedTakesItBack) {
    Bench bench;
    bench.start_worker(1);
    bench.store_jobs("a", 1);
    const auto lease = bench.client.next_lease();
    static_cast<void>(bench.client.result(bench.ask(ManageJobs{store::Verb::cancel, {"a0"}, "", "x"})));
    bench.sync();
    EXPECT_FALSE(lease->start());
    EXPECT_EQ(bench.state("a0"), State::cancelled);
    EXPECT_THAT(bench.client.stops, IsEmpty());
}

// --- timeouts ---------------------------------------------------------------------------------------------------

TEST(Timeout, TheSoftOneAsksTheHardOneEnds) {
    Bench bench;
    auto job = bench.job("a");
    job.soft_timeout_ms = 1'000;
    job.hard_timeout_ms = 3'000;
    const auto lease = run_one(bench, job);
    bench.advance(999);
    bench.sync();
    EXPECT_THAT(bench.client.stops, IsEmpty());
    bench.advance(1);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.stops.empty(); }));
    EXPECT_EQ(bench.client.stops.at(0).reason, StopReason::timeout);
    bench.advance(1'999);
    bench.sync();
    EXPECT_THAT(bench.client.abandons, IsEmpty());
    bench.advance(1);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.abandons.empty(); }));
    bench.sync();
    const auto row = bench.row("a");
    EXPECT_EQ(row.standing.state, State::failed);
    EXPECT_THAT(row.standing.error, HasSubstr("TimeoutError"));
    EXPECT_EQ(row.history.at(0).outcome, "timed_out");
    EXPECT_EQ(bench.engine->stats().timeouts, 1);

    bench.settle(lease, job::Done{"1"});
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.lost.empty(); }));
    EXPECT_EQ(bench.state("a"), State::failed) << "a late result is fenced off";
}

TEST(Timeout, TheHardOneAloneWorksToo) {
    Bench bench;
    auto job = bench.job("a");
    job.hard_timeout_ms = 500;
    job.retry = R"({"kind":"fixed","max":1,"base_ms":1000})";
    const auto lease = run_one(bench, job);
    bench.advance(500);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.abandons.empty(); }));
    bench.sync();
    EXPECT_EQ(bench.state("a"), State::scheduled);
    EXPECT_THAT(bench.client.stops, IsEmpty());
}

TEST(Timeout, CountsFromTheStartOfTheHandler) {
    Bench bench;
    bench.start_worker(1);
    auto job = bench.job("a");
    job.hard_timeout_ms = 1'000;
    static_cast<void>(bench.client.result(bench.enqueue({job})));
    const auto lease = bench.client.next_lease();
    bench.advance(5'000);  // the loop is held up
    bench.sync();
    EXPECT_THAT(bench.client.abandons, IsEmpty());
    ASSERT_TRUE(lease->start());
    bench.advance(999);
    bench.sync();
    EXPECT_THAT(bench.client.abandons, IsEmpty());
    bench.advance(1);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.abandons.empty(); }));
}

TEST(Timeout, AJobThatEndsInTimeIsLeftAlone) {
    Bench bench;
    auto job = bench.job("a");
    job.soft_timeout_ms = 1'000;
    job.hard_timeout_ms = 2'000;
    const auto lease = run_one(bench, job);
    bench.settle(lease, job::Done{"1"});
    bench.sync();
    bench.advance(5'000);
    bench.sync();
    EXPECT_THAT(bench.client.stops, IsEmpty());
    EXPECT_THAT(bench.client.abandons, IsEmpty());
}

TEST(Timeout, AnAbandonedSlotIsUsedAgainOnlyWhenItIsReclaimed) {
    Bench bench;
    bench.start_worker(1);
    auto job = bench.job("a");
    job.hard_timeout_ms = 500;
    static_cast<void>(bench.client.result(bench.enqueue({job, bench.job("b")})));
    const auto lease = bench.client.next_lease();
    ASSERT_TRUE(lease->start());
    bench.advance(500);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.abandons.empty(); }));
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    bench.command(Reclaimed{99});
    bench.command(Reclaimed{lease->slot()});
    EXPECT_EQ(bench.client.next_lease()->lease().job.id, "b");
}

TEST(Timeout, AStuckHandlerIsReportedToTheSupervisor) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const base::UniqueFd read_end{ends[0]};
    const base::UniqueFd write_end{ends[1]};
    EngineOptions options;
    options.supervised_fd = write_end.get();
    Bench bench{options};
    auto job = bench.job("a");
    job.hard_timeout_ms = 500;
    const auto lease = run_one(bench, job);
    bench.advance(500);
    ASSERT_TRUE(bench.client.pump_until([&] { return !bench.client.abandons.empty(); }));
    bench.advance(kStuckMs);
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().stuck == 1; }));
    char text[512] = {};
    ASSERT_GT(::read(read_end.get(), text, sizeof text - 1), 0);
    EXPECT_THAT(text, HasSubstr(R"("event":"stuck")"));
    EXPECT_THAT(text, HasSubstr(R"("job":"a")"));
    bench.advance(kStuckMs);
    bench.sync();
    EXPECT_EQ(bench.engine->stats().stuck, 1) << "once";
}

// --- giving back ------------------------------------------------------------------------------------------------

TEST(Stop, TakesBackWhatWasNotStartedAndLetsTheRestRun) {
    Bench bench;
    bench.start_worker(3);
    bench.store_jobs("a", 5);
    const auto leases = bench.client.next_leases(3);
    ASSERT_TRUE(leases[0]->start());
    bench.command(StopWorker{{bench.client.port, 50}});
    static_cast<void>(bench.client.answer<std::monostate>(50));
    EXPECT_FALSE(leases[1]->start());
    EXPECT_FALSE(leases[2]->start());
    bench.sync();
    EXPECT_EQ(bench.state("a1"), State::ready);
    EXPECT_EQ(bench.row("a1").standing.attempt, 0) << "costs no attempt";
    EXPECT_EQ(bench.state("a0"), State::running);
    bench.advance(kLease / 3);
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().renewals == 1; }));
    bench.settle(leases[0], job::Done{"1"});
    bench.sync();
    EXPECT_EQ(bench.state("a0"), State::completed);
    EXPECT_THAT(bench.client.leases, IsEmpty()) << "no more claims";
}

TEST(Stop, PausedClaimsGoOnWhenResumed) {
    Bench bench;
    bench.start_worker(1);
    bench.command(PauseClaims{true});
    bench.store_jobs("a", 1);
    bench.advance(1'000);
    bench.sync();
    EXPECT_THAT(bench.client.leases, IsEmpty());
    bench.command(PauseClaims{false});
    EXPECT_EQ(bench.client.next_lease()->lease().job.id, "a0");
}

TEST(Stop, AClosedPortGivesEverythingBack) {
    Bench bench;
    bench.start_worker(2);
    bench.store_jobs("a", 2);
    const auto leases = bench.client.next_leases(2);
    ASSERT_TRUE(leases[0]->start());
    Port::close(bench.client.port);
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().running == 0; }));
    EXPECT_FALSE(leases[1]->start());
    const std::vector<std::string> ids{"a0", "a1"};
    ASSERT_TRUE(wait_until([&] {
        const std::lock_guard lock{bench.shared->mutex};
        const auto rows = bench.shared->store.get(ids, false).value();
        return rows[0]->standing.state == State::ready && rows[1]->standing.state == State::ready;
    }));
}

TEST(Stop, UndeliveredLeasesComeBackWhenThePortCloses) {
    Bench bench;
    bench.start_worker(2);
    static_cast<void>(bench.enqueue({bench.job("a"), bench.job("b")}));
    ASSERT_TRUE(wait_until([&] { return bench.engine->stats().running == 2; }));
    Port::close(bench.client.port);  // nothing was drained
    const std::vector<std::string> ids{"a", "b"};
    ASSERT_TRUE(wait_until([&] {
        const std::lock_guard lock{bench.shared->mutex};
        const auto rows = bench.shared->store.get(ids, false).value();
        return rows[0]->standing.state == State::ready && rows[0]->standing.attempt == 0 &&
               rows[1]->standing.state == State::ready;
    }));
}

TEST(Close, GivesBackWhatIsHeldAndRefusesWhatComesLater) {
    Bench bench;
    bench.start_worker(2);
    bench.store_jobs("a", 3);
    const auto leases = bench.client.next_leases(2);
    ASSERT_TRUE(leases[0]->start());
    EXPECT_TRUE(bench.engine->close(5'000));
    EXPECT_TRUE(bench.engine->close(5'000));
    EXPECT_FALSE(leases[1]->start());
    const std::lock_guard lock{bench.shared->mutex};
    const std::vector<std::string> ids{"a0", "a1", "a2"};
    const auto rows = bench.shared->store.get(ids, false).value();
    for (const auto& row : rows) {
        EXPECT_EQ(row->standing.state, State::ready);
        EXPECT_EQ(row->standing.attempt, 0);
    }
    EXPECT_THAT(bench.shared->store.workers().value(), IsEmpty());
    EXPECT_EQ(bench.engine->inbox().post(Reclaimed{0}).error().code, ErrorCode::closed);
}

TEST(Close, SettlesWhatWasInTheInbox) {
    Bench bench;
    const auto lease = run_one(bench, bench.job("a"));
    bench.settle(lease, job::Done{"1"});
    static_cast<void>(bench.enqueue({bench.job("b")}));
    EXPECT_TRUE(bench.engine->close(5'000));
    const std::lock_guard lock{bench.shared->mutex};
    const std::vector<std::string> ids{"a", "b"};
    const auto rows = bench.shared->store.get(ids, false).value();
    EXPECT_EQ(rows[0]->standing.state, State::completed);
    EXPECT_EQ(rows[1]->standing.state, State::ready);
}

TEST(Close, WhoKeepsAskingCannotKeepItOpen) {
    Bench bench;
    Hold hold{*bench.faults, "exchange"};
    const Ticket first = bench.enqueue({bench.job("a")});
    hold.wait_until_held();
    const Ticket second = bench.enqueue({bench.job("b")});
    bench.command(Close{10'000});
    // In the transaction after the news: what came before it is served, what comes now is refused.
    std::vector<ErrorCode> refused;
    bench.faults->set([&](const std::string& verb) -> std::optional<Error> {
        if (verb == "exchange") {
            const auto insert =
                bench.engine->inbox().post(Insertion{.from = {bench.client.port, 90}, .group = {}, .jobs = 1});
            const auto ask = bench.engine->inbox().post(Asked{{bench.client.port, 91}, GetJobs{}});
            refused = {insert ? ErrorCode::internal : insert.error().code,
                       ask ? ErrorCode::internal : ask.error().code};
        }
        return std::nullopt;
    });
    hold.let_go();
    EXPECT_TRUE(bench.client.result(first).ok());
    EXPECT_TRUE(bench.client.result(second).ok());
    EXPECT_TRUE(bench.engine->close(10'000));
    EXPECT_EQ(refused, (std::vector{ErrorCode::closed, ErrorCode::closed}));
}

TEST(Close, LeavesAThreadBehindThatDoesNotEnd) {
    auto bench = std::make_unique<Bench>();
    Hold hold{*bench->faults, "counts"};
    static_cast<void>(bench->ask(CountQueues{}));
    hold.wait_until_held();
    EXPECT_FALSE(bench->engine->close(20));
    EXPECT_FALSE(bench->engine->close(20));
    hold.release();
    ASSERT_TRUE(wait_until([&] { return bench->engine->close(0); })) << "it ended by itself";
}

}  // namespace
}  // namespace khala::engine
