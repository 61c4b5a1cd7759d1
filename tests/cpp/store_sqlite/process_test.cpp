// Several processes on one file: what one does the others see, dies with it what must, and nothing runs twice.
#include "store_sqlite/process.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>

#include "base/id.hpp"
#include "store/sqlite/writer_lock.hpp"
#include "store_sqlite/journal.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
TEST(Processes, RandomKillsLoseNothingAndCompleteNothingTwice) {
    constexpr int kJobs = 12'000;
    constexpr std::size_t kWorkers = 4;
    constexpr int kKills = 40;
    const TempDirectory directory;
    const std::string journal = directory.file("journal");
    std::set<std::string> ids;
    {
        const auto store = open_store(directory.file());
        Rng rng{7};
        for (int i = 0; i < kJobs; i += 100) {
            std::vector<NewJob> group;
            for (int k = 0; k < 100; ++k) {
                group.push_back(simple_job(base::uuid7(store->clock().wall_ms(), rng)));
                ids.insert(group.back().id);
            }
            ASSERT_TRUE(enqueue(*store, group).ok());
        }
    }
    std::vector<Child> workers;
    int started = 0;
    const auto start = [&] {
        const std::string name = "w" + std::to_string(++started);
        return Child{[&, name] { return work(directory.file(), journal, name); }};
    };
    for (std::size_t i = 0; i < kWorkers; ++i) {
        workers.push_back(start());
    }
    Rng rng{11};
    int kills = 0;
    for (; kills < kKills; ++kills) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5 + rng.below(40)});
        const std::size_t victim = rng.below(kWorkers);
        workers[victim].kill();
        const int result = workers[victim].result();
        workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(victim));
        if (result != -SIGKILL) {
            EXPECT_EQ(result, 0);
            break;  // it had finished: so do all
        }
        workers.push_back(start());
    }
    for (Child& worker : workers) {
        EXPECT_EQ(worker.result(), 0);
    }
    EXPECT_GE(kills, 10);

    const auto store = open_store(directory.file());
    expect_sound(*store);
    EXPECT_EQ(count_of(*store, State::completed), kJobs);
    const auto completions = completions_of(journal);
    for (const auto& [id, count] : completions) {
        EXPECT_EQ(count, 1) << id;
        EXPECT_TRUE(ids.contains(id));
    }
    std::printf("kills: %d, jobs: %d, completions told: %zu\n", kills, kJobs, completions.size());
}

// SQLite's own waiting gives such a crowd SQLITE_BUSY after seconds, and one of it a hundred turns for another's one.
TEST(Processes, ManyWritersAllGetTheirTurnAndNoError) {
    constexpr int kWriters = 16;
    constexpr int kEnough = 500;  // so many that starting late does not count
    struct Turns {
        std::atomic<int> ready;
        std::atomic<bool> stop;
        std::array<std::atomic<int>, kWriters> counts;
    };
    const TempDirectory directory;
    ASSERT_NE(open_store(directory.file()), nullptr);
    const Shared<Turns> turns;
    std::vector<Child> writers;
    for (int number = 0; number < kWriters; ++number) {
        writers.emplace_back([&, number] {
            const auto store = open_store(directory.file());
            auto& count = turns->counts[static_cast<std::size_t>(number)];
            turns->ready += 1;
            if (!eventually([&] { return turns->ready.load() == kWriters; })) {
                return 2;
            }
            while (!turns->stop.load()) {
                const std::string id = std::to_string(number) + "-" + std::to_string(count.load());
                const auto reply = enqueue(*store, {simple_job(id)});
                if (!reply.ok()) {
                    std::fprintf(stderr, "%s\n", reply.error().to_string().c_str());
                    return 1;
                }
                if (count.fetch_add(1) + 1 == kEnough) {
                    turns->stop = true;
                }
            }
            return 0;
        });
    }
    for (Child& writer : writers) {
        EXPECT_EQ(writer.result(), 0);
    }
    int sum = 0;
    int least = kEnough;
    for (const auto& count : turns->counts) {
        sum += count.load();
        least = std::min(least, count.load());
    }
    const auto store = open_store(directory.file());
    EXPECT_EQ(count_of(*store, State::ready), sum);
    EXPECT_GE(least, kEnough / 20) << "shares are far from equal";
    std::printf("least turns while one had %d: %d\n", kEnough, least);
    expect_sound(*store);
}

// The bundled SQLite in some processes, the system's in the others: one format, one way of locking, one turnstile.
TEST(Processes, WithAnotherVersionOfSqliteWorkOnOneFile) {
#if defined(KHALA_SYSTEM_WORKER)
    constexpr int kJobs = 4'000;
    const TempDirectory directory;
    const std::string journal = directory.file("journal");
    {
        const auto store = open_store(directory.file());
        std::vector<NewJob> group;
        for (int i = 0; i < kJobs; ++i) {
            group.push_back(simple_job("job-" + std::to_string(i)));
        }
        ASSERT_TRUE(enqueue(*store, group).ok());
    }
    const auto start = [&](int number) {
        const std::string name = "w" + std::to_string(number);
        const bool others = number % 2 == 0;
        return Child{[&, name, others] {
            if (!others) {
                return work(directory.file(), journal, name);
            }
            ::execl(KHALA_SYSTEM_WORKER, "worker", directory.file().c_str(), journal.c_str(), name.c_str(), nullptr);
            return 98;
        }};
    };
    std::vector<Child> workers;
    for (int number = 0; number < 4; ++number) {
        workers.push_back(start(number));
    }
    Rng rng{3};
    for (int kills = 0; kills < 6; ++kills) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20 + rng.below(40)});
        Child& victim = workers[static_cast<std::size_t>(kills % 4)];
        victim.kill();
        const int result = victim.result();
        EXPECT_TRUE(result == -SIGKILL || result == 0) << result;
        victim = start(4 + kills % 4);  // of the same kind
    }
    for (Child& worker : workers) {
        EXPECT_EQ(worker.result(), 0);
    }
    const auto store = open_store(directory.file());
    expect_sound(*store);
    EXPECT_EQ(count_of(*store, State::completed), kJobs);
    for (const auto& [id, count] : completions_of(journal)) {
        EXPECT_EQ(count, 1) << id;
    }
    EXPECT_GT(std::filesystem::file_size(journal + ".system"), 0U) << "the others had a part in it";
#else
    GTEST_SKIP() << "the system has no SQLite to build with, or it is the one in use";
#endif
}

// Paused past its lease, a worker finds its job done by another, and what it brings is noted and not applied.
TEST(Processes, AStoppedWorkersLateResultIsNoted) {
    const TempDirectory directory;
    const Pipe told;
    const Pipe answer;
    ASSERT_TRUE(enqueue(*open_store(directory.file()), {simple_job("a")}).ok());
    Child worker{[&] {
        const auto store = open_store(directory.file());
        const auto leases = take(*store, simple_claim(1, "slow", 200))->leases;
        told.write(leases.size());
        ::raise(SIGSTOP);
        answer.write(settle(*store, {done(leases.front(), *store, "\"late\"")})->moves.front());
        return 0;
    }};
    std::size_t leased = 0;
    ASSERT_TRUE(told.read(leased));
    ASSERT_EQ(leased, 1U);
    int status = 0;
    ASSERT_EQ(::waitpid(worker.pid(), &status, WUNTRACED), worker.pid());
    ASSERT_TRUE(WIFSTOPPED(status));

    const auto store = open_store(directory.file());
    ASSERT_TRUE(eventually([&] { return reap(*store) == 1; }));
    const auto leases = take(*store, simple_claim(1, "quick"))->leases;
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_FALSE(leases.front().standing.suspect) << "a lapse without a death blames nobody";
    EXPECT_EQ(settle(*store, {done(leases.front(), *store, "\"right\"")})->moves.front(), Moved::applied);

    worker.kill(SIGCONT);
    Moved moved{};
    ASSERT_TRUE(answer.read(moved));
    EXPECT_EQ(moved, Moved::lost);
    EXPECT_EQ(worker.result(), 0);
    const std::vector<std::string> ids{"a"};
    const auto row = contract::ok(store->get(ids, true)).front();
    EXPECT_EQ(row->standing.result, "\"right\"");
    bool noted = false;
    for (const job::Attempt& attempt : row->history) {
        noted = noted || (attempt.outcome == "late completed" && attempt.result == "\"late\"");
    }
    EXPECT_TRUE(noted);
    expect_sound(*store);
}

// The dead are known at once, long before their leases run out; what they had started is suspect, the rest is not.
TEST(Processes, ADeathIsFoundAtOnceAndBlamesOnlyWhatHadStarted) {
    const TempDirectory directory;
    const Pipe told;
    ASSERT_TRUE(enqueue(*open_store(directory.file()), {simple_job("started"), simple_job("not started")}).ok());
    Child worker{[&] {
        const auto store = open_store(directory.file());
        const auto leases = take(*store, simple_claim(2, "w", base::kHourMs))->leases;
        store->mark_started(0, leases.front().standing.token, false);
        told.write(leases.size());
        ::pause();
        return 0;
    }};
    std::size_t leased = 0;
    ASSERT_TRUE(told.read(leased));
    ASSERT_EQ(leased, 2U);
    const auto store = open_store(directory.file());
    EXPECT_TRUE(contract::ok(store->lapsed(10)).empty()) << "it lives";
    worker.kill();
    worker.wait();
    const auto lapses = contract::ok(store->lapsed(10));
    ASSERT_EQ(lapses.size(), 2U);
    for (const Lapse& lapse : lapses) {
        EXPECT_TRUE(lapse.cause.died);
        EXPECT_FALSE(lapse.cause.explained);
        EXPECT_EQ(lapse.cause.started, lapse.lease.job.id == "started");
    }
    reap(*store);
    const std::vector<std::string> ids{"started", "not started"};
    const auto rows = contract::ok(store->get(ids, false));
    EXPECT_TRUE(rows[0]->standing.suspect);
    EXPECT_EQ(rows[0]->standing.attempt, 1);
    EXPECT_FALSE(rows[1]->standing.suspect);
    EXPECT_EQ(rows[1]->standing.attempt, 0) << "never entered: the start is given back";
}

// A store that failed is closed like any other, and could not give its leases back before.
TEST(Processes, AnEndWithLeasesLeftBlamesNobodyAndCountsWhatHadStarted) {
    const TempDirectory directory;
    {
        const auto failed = open_store(directory.file());
        ASSERT_TRUE(enqueue(*failed, {simple_job("started"), simple_job("not started")}).ok());
        const auto leases = take(*failed, simple_claim(2, "w", base::kHourMs))->leases;
        failed->mark_started(0, leases.front().standing.token, false);
    }
    const auto store = open_store(directory.file());
    EXPECT_EQ(contract::ok(store->lapsed(10)).size(), 2U) << "at once, long before the leases run out";
    reap(*store);
    const std::vector<std::string> ids{"started", "not started"};
    const auto rows = contract::ok(store->get(ids, false));
    EXPECT_FALSE(rows[0]->standing.suspect);
    EXPECT_EQ(rows[0]->standing.attempt, 1);
    EXPECT_FALSE(rows[1]->standing.suspect);
    EXPECT_EQ(rows[1]->standing.attempt, 0);
}

TEST(Processes, ASupervisorsKillIsExplained) {
    const TempDirectory directory;
    const Pipe told;
    ASSERT_TRUE(enqueue(*open_store(directory.file()), {simple_job("a")}).ok());
    Child worker{[&] {
        const auto store = open_store(directory.file());
        const auto leases = take(*store, simple_claim(1))->leases;
        store->mark_started(0, leases.front().standing.token, false);
        told.write(leases.size());
        ::pause();
        return 0;
    }};
    std::size_t leased = 0;
    ASSERT_TRUE(told.read(leased));
    EXPECT_FALSE(explain_death(directory.file(), ::getpid())) << "has no store open there";
    EXPECT_TRUE(explain_death(directory.file(), worker.pid()));
    worker.kill();
    worker.wait();
    const auto store = open_store(directory.file());
    reap(*store);
    const std::vector<std::string> ids{"a"};
    EXPECT_FALSE(contract::ok(store->get(ids, false)).front()->standing.suspect);
    EXPECT_FALSE(explain_death(directory.file("missing.db"), 1));
}

bool is_store_rung(Store& store, int timeout_ms) {
    pollfd wait{store.wakeup()->fd(), POLLIN, 0};
    const bool rung = ::poll(&wait, 1, timeout_ms) == 1;
    static_cast<void>(store.wakeup()->drain());
    return rung;
}

TEST(Processes, AnIdleStoreIsRungForJobsAndForClosings) {
    const TempDirectory directory;
    const auto waiter = open_store(directory.file());
    const auto writer = open_store(directory.file());
    ASSERT_NE(waiter->wakeup(), nullptr);
    const auto is_rung = [&](int timeout_ms) { return is_store_rung(*waiter, timeout_ms); };
    const Claim claim = simple_claim(2);  // there is room for another one
    waiter->wakeup()->arm(true, false);
    ASSERT_TRUE(take(*waiter, claim)->leases.empty());
    ASSERT_TRUE(enqueue(*writer, {simple_job("a")}).ok());
    EXPECT_TRUE(is_rung(5'000));

    const auto leases = take(*waiter, claim)->leases;
    ASSERT_EQ(leases.size(), 1U);
    waiter->wakeup()->arm(true, false);
    NewJob later = simple_job("later");
    later.run_at = writer->clock().wall_ms() + base::kHourMs;
    ASSERT_TRUE(enqueue(*writer, {later}).ok());
    EXPECT_FALSE(is_rung(0)) << "nothing to do yet";
    NewJob elsewhere = simple_job("elsewhere");
    elsewhere.queue = "another";
    ASSERT_TRUE(enqueue(*writer, {elsewhere}).ok());
    EXPECT_FALSE(is_rung(0)) << "it does not work on that queue";
    ASSERT_TRUE(settle(*writer, {done(leases.front(), *writer)}).ok());
    EXPECT_FALSE(is_rung(0)) << "it did not ask for closings";

    ASSERT_TRUE(enqueue(*writer, {simple_job("b")}).ok());
    EXPECT_TRUE(is_rung(5'000));
    const auto again = take(*waiter, claim)->leases;
    waiter->wakeup()->arm(false, true);
    ASSERT_TRUE(settle(*writer, {done(again.front(), *writer)}).ok());
    EXPECT_TRUE(is_rung(5'000));
}

// A ring for somebody who has no room for the job, or takes suspects only, is lost to whoever could run it.
TEST(Processes, OnlyWhoHasRoomForAJobIsRungForIt) {
    const TempDirectory directory;
    const auto writer = open_store(directory.file());
    const auto full = open_store(directory.file());
    const auto suspects = open_store(directory.file());
    const auto free = open_store(directory.file());
    ASSERT_TRUE(enqueue(*writer, {simple_job("a")}).ok());
    Claim claim = simple_claim(4);
    claim.queues.front().limit = 1;
    ASSERT_EQ(take(*full, claim)->leases.size(), 1U) << "as many of that queue as it may";
    Claim only = simple_claim(0);
    only.suspects = Suspects::only;
    ASSERT_TRUE(take(*suspects, only)->leases.empty());
    ASSERT_TRUE(take(*free, simple_claim(4))->leases.empty());
    for (int turn = 0; turn < 6; ++turn) {
        for (Store* store : {full.get(), suspects.get(), free.get()}) {
            store->wakeup()->arm(true, false);
        }
        ASSERT_TRUE(enqueue(*writer, {simple_job("job " + std::to_string(turn))}).ok());
        EXPECT_TRUE(is_store_rung(*free, 0)) << turn;
        EXPECT_FALSE(is_store_rung(*full, 0)) << turn;
        EXPECT_FALSE(is_store_rung(*suspects, 0)) << turn;
    }
}

// A writer that was stopped inside a transaction kept everybody's renewals out: nobody's lease is judged by its age
// until they have had time to renew.
TEST(Processes, AStoppedWriterDoesNotLapseEverybodysLeases) {
    const TempDirectory directory;
    const auto store = open_store(directory.file());
    ASSERT_TRUE(enqueue(*store, {simple_job("a")}).ok());
    const auto leases = take(*store, simple_claim(1, "w", 300))->leases;
    ASSERT_EQ(leases.size(), 1U);
    const auto location = open_location(directory.file(), false);
    auto lock = WriterLock::open(location->directory.get());
    auto acquired = lock->acquire(std::chrono::seconds{1}, nullptr);
    ASSERT_TRUE(acquired.ok());
    std::optional<WriterLock::Held> held{*std::move(acquired)};
    std::thread renewer{[&] {
        const Renewal renewal{leases.front().ref, "a", leases.front().standing.token, std::nullopt};
        EXPECT_EQ(contract::ok(store->renew({&renewal, 1}, 300)).front(), Renewed::ok);
    }};
    // Longer than the lease, and than what counts as a stall.
    std::this_thread::sleep_for(std::chrono::milliseconds{700});
    held.reset();
    renewer.join();
    const auto other = open_store(directory.file());
    EXPECT_TRUE(contract::ok(other->lapsed(10)).empty()) << "the lease ran out while nobody could renew";
}

// --- fork() ---------------------------------------------------------------------------------------------------

TEST(Fork, AChildMayNotUseItsParentsStoreAndDoesItNoHarm) {
    const TempDirectory directory;
    auto store = open_store(directory.file());
    ASSERT_TRUE(enqueue(*store, {simple_job("a")}).ok());
    Child child{[&] {
        const std::vector<std::string> ids{"a"};
        bool refused = store->get(ids, false).error().code == ErrorCode::forked;
        refused = refused && take(*store, simple_claim(1)).error().code == ErrorCode::forked;
        refused = refused && store->idle().error().code == ErrorCode::forked;
        refused = refused && store->retire("w").error().code == ErrorCode::forked;
        store.reset();  // closes nothing of the parent's
        return refused ? 0 : 1;
    }};
    EXPECT_EQ(child.result(), 0);
    const auto leases = take(*store, simple_claim(1))->leases;
    ASSERT_EQ(leases.size(), 1U);
    // The parent's locks are still there: another process sees it alive.
    Child other{[&] { return static_cast<int>(reap(*open_store(directory.file()))); }};
    EXPECT_EQ(other.result(), 0);
    EXPECT_EQ(settle(*store, {done(leases.front(), *store)})->moves.front(), Moved::applied);
    expect_sound(*store);
}

TEST(Fork, AChildOpensItsOwn) {
    const TempDirectory directory;
    const auto store = open_store(directory.file());
    Child child{[&] {
        const auto own = open_store(directory.file());
        return enqueue(*own, {simple_job("of the child")}).ok() ? 0 : 1;
    }};
    EXPECT_EQ(child.result(), 0);
    EXPECT_EQ(count_of(*store, State::ready), 1);
}

}  // namespace khala::store::sqlite
