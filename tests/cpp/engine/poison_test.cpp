// Jobs that kill their worker: only they are blamed.
//
// Processes are engines on one shared store. A killed one loses its store in the middle of things, so that it can
// neither settle nor give back, and the store is told that its holder has died.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using testing::Shared;
using testing::wait_until;

constexpr int kSlots = 16;

// One worker process and its successors, which get the same number.
class Process {
public:
    Process(std::shared_ptr<Shared> shared, std::shared_ptr<base::ManualClock> clock, int number)
        : shared_{std::move(shared)}, clock_{std::move(clock)}, number_{number} {
        start();
    }

    [[nodiscard]] Bench& bench() { return *bench_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    // SIGKILL: what it held stays leased, its marks stay as they were.
    void kill() {
        bench_->faults->set([](const std::string&) -> std::optional<Error> {
            return Error{ErrorCode::closed, "process", "killed"};
        });
        bench_->engine->inbox().poke();
        ASSERT_TRUE(bench_->client.pump_until([&] {
            static_cast<void>(bench_->engine->inbox().post(PauseClaims{false}));
            bench_->engine->inbox().poke();
            static_cast<void>(bench_->engine->inbox().post(
                Insertion{.from = {bench_->client.port, 1}, .group = {{bench_->job("x")}, {}, ""}, .jobs = 1}));
            return !bench_->client.fatal.empty();
        }));
        {
            const std::lock_guard lock{shared_->mutex};
            job::Lapsed fate;
            fate.died = true;
            shared_->store.set_fate(name_, fate);
        }
        bench_.reset();
        ++deaths;
        start();
    }

    int deaths = 0;

private:
    void start() {
        ++generation_;
        name_ = "w" + std::to_string(number_) + "." + std::to_string(generation_);
        // Every generation has its own liveness file, so its own words.
        static int first_slot = 0;
        first_slot = (first_slot + kSlots + 1) % (store::kSlotsMax - kSlots - 1);
        bench_ = std::make_unique<Bench>(EngineOptions{}, shared_, first_slot, clock_);
        WorkerSpec spec = bench_->spec(kSlots);
        spec.id = name_;
        bench_->start_worker(spec);
    }

    const std::shared_ptr<Shared> shared_;
    const std::shared_ptr<base::ManualClock> clock_;
    const int number_;
    int generation_ = 0;
    std::string name_;
    std::unique_ptr<Bench> bench_;
};

struct World {
    std::shared_ptr<base::ManualClock> clock = std::make_shared<base::ManualClock>();
    std::shared_ptr<Shared> shared = std::make_shared<Shared>(clock.get());
    std::vector<std::unique_ptr<Process>> processes;
    std::set<std::string> killers;
    std::map<std::string, int> runs;

    void insert(int count, int killer_every) {
        std::vector<store::InsertGroup> groups(1);
        for (int i = 0; i < count; ++i) {
            store::NewJob job;
            job.id = "j" + std::to_string(i);
            job.queue = "q";
            job.task = "t";
            job.payload = "[]";
            job.result_ttl_ms = base::kDayMs;
            if (killer_every > 0 && i % killer_every == killer_every / 2) {
                killers.insert(job.id);
            }
            groups[0].jobs.push_back(std::move(job));
        }
        ASSERT_TRUE(shared->store.exchange({.inserts = groups, .moves = {}, .claim = nullptr}).ok());
    }
    [[nodiscard]] std::int64_t closed() {
        const std::lock_guard lock{shared->mutex};
        const auto counts = shared->store.counts("q").value();
        std::int64_t sum = 0;
        for (auto state = static_cast<std::size_t>(State::completed); state < job::kStateCount; ++state) {
            sum += counts.at(0).by_state[state];
        }
        return sum;
    }
    [[nodiscard]] std::vector<store::JobRow> quarantined() {
        const std::lock_guard lock{shared->mutex};
        store::ListQuery query;
        query.states = {State::quarantined};
        query.limit = 1'000;
        return shared->store.list(query).value().rows;
    }
    // Everything a process was given is started, then it ends; a killer ends its process first.
    void run(Process& process, Rng& rng) {
        auto& client = process.bench().client;
        client.pump(0);
        std::vector<std::shared_ptr<Delivery>> running;
        bool dies = false;
        while (!client.leases.empty()) {
            auto lease = std::move(client.leases.front());
            client.leases.pop_front();
            if (!lease->start()) {
                continue;
            }
            ++runs[lease->lease().job.id];
            dies = dies || killers.contains(lease->lease().job.id);
            running.push_back(std::move(lease));
        }
        if (dies) {
            process.kill();
            return;
        }
        for (const auto& lease : running) {
            if (rng.below(20) == 0) {
                process.bench().settle(lease, job::Snooze{10, ""});
            } else {
                process.bench().settle(lease, job::Done{"1"});
            }
        }
    }
};

TEST(Poison, EightKillersAmongFourThousandJobsAndNoInnocentIsBlamed) {
    World world;
    Rng rng{42};
    world.insert(4'000, 500);
    ASSERT_EQ(world.killers.size(), 8U);
    for (int number = 0; number < 4; ++number) {
        world.processes.push_back(std::make_unique<Process>(world.shared, world.clock, number));
    }
    ASSERT_TRUE(wait_until(
        [&] {
            for (auto& process : world.processes) {
                world.run(*process, rng);
            }
            world.clock->advance(50);
            for (auto& process : world.processes) {
                process->bench().engine->inbox().poke();
            }
            return world.closed() == 4'000;
        },
        std::chrono::seconds{120}))
        << world.closed();

    std::set<std::string> quarantined;
    for (const auto& row : world.quarantined()) {
        quarantined.insert(row.job.id);
        EXPECT_EQ(row.standing.crashes, 3) << row.job.id;
    }
    EXPECT_EQ(quarantined, world.killers);
    for (const auto& id : world.killers) {
        EXPECT_LE(world.runs[id], 4) << id << ": once among others, then three times as the suspect";
    }
    const std::lock_guard lock{world.shared->mutex};
    EXPECT_EQ(world.shared->store.counts("q").value().at(0).by_state[static_cast<std::size_t>(State::completed)],
              3'992);
    EXPECT_TRUE(world.shared->store.check().value().empty());
}

TEST(Poison, ASuspectRunsBesideCleanJobsAndIsClearedByCompletion) {
    World world;
    world.insert(3, 0);
    Process process{world.shared, world.clock, 0};
    auto leases = process.bench().client.next_leases(3);
    ASSERT_TRUE(leases[0]->start());
    ASSERT_TRUE(leases[1]->start());
    leases.clear();
    process.kill();
    // j0 and j1 had been started: suspects, one at a time in the extra slot. j2 had not: as if nothing had happened.
    auto& client = process.bench().client;
    std::vector<std::shared_ptr<Delivery>> back;
    ASSERT_TRUE(client.pump_until([&] {
        process.bench().advance(500);
        return client.leases.size() == 2;
    }));
    back = client.next_leases(2);
    const auto suspect = back[0]->lease().standing.suspect ? back[0] : back[1];
    const auto clean = back[0]->lease().standing.suspect ? back[1] : back[0];
    EXPECT_EQ(suspect->slot(), kSlots);
    EXPECT_EQ(suspect->lease().standing.attempt, 2);
    EXPECT_EQ(suspect->lease().standing.crashes, 0);
    EXPECT_EQ(clean->lease().job.id, "j2");
    EXPECT_EQ(clean->lease().standing.attempt, 1) << "it never began";
    process.bench().sync();
    EXPECT_TRUE(client.leases.empty()) << "the second suspect waits for the first";
    ASSERT_TRUE(suspect->start());
    process.bench().settle(suspect, job::Done{"1"});
    const auto next = client.next_lease();
    EXPECT_TRUE(next->lease().standing.suspect);
    EXPECT_FALSE(process.bench().row(suspect->lease().job.id).standing.suspect);
}

TEST(Poison, AnExplainedDeathBlamesNobody) {
    World world;
    world.insert(1, 0);
    auto one = std::make_unique<Process>(world.shared, world.clock, 0);
    const auto lease = one->bench().client.next_lease();
    ASSERT_TRUE(lease->start());
    const std::string name = one->name();
    one->kill();
    {
        const std::lock_guard lock{world.shared->mutex};
        world.shared->store.set_fate(name, {.died = true, .explained = true, .started = true, .as_suspect = false});
    }
    auto& client = one->bench().client;
    ASSERT_TRUE(client.pump_until([&] {
        one->bench().advance(500);
        return !client.leases.empty();
    }));
    const auto again = client.next_lease();
    EXPECT_FALSE(again->lease().standing.suspect);
    EXPECT_EQ(again->lease().standing.attempt, 2);
}

TEST(Poison, AWorkerForSuspectsTakesNothingElse) {
    World world;
    world.insert(2, 0);
    {
        Process process{world.shared, world.clock, 0};
        const auto lease = process.bench().client.next_lease();
        ASSERT_TRUE(lease->start());
        process.kill();
        // Its successor takes j1 and hands j0 back as a suspect for somebody else.
        static_cast<void>(process.bench().client.pump_until([&] { return !process.bench().client.leases.empty(); }));
        ASSERT_TRUE(wait_until([&] {
            process.bench().advance(500);
            return process.bench().engine->stats().reaped >= 1;
        }));
    }
    Bench apart{{}, world.shared, 2'000, world.clock};
    WorkerSpec spec = apart.spec(1);
    spec.id = "apart";
    spec.suspects = store::Suspects::only;
    apart.start_worker(spec);
    const auto suspect = apart.client.next_lease();
    EXPECT_EQ(suspect->lease().job.id, "j0");
    EXPECT_TRUE(suspect->lease().standing.suspect);
    EXPECT_EQ(suspect->slot(), 0);
    apart.sync();
    EXPECT_TRUE(apart.client.leases.empty());
    ASSERT_TRUE(suspect->start());
    apart.settle(suspect, job::Done{"1"});
    apart.advance(1'000);
    apart.sync();
    EXPECT_TRUE(apart.client.leases.empty()) << "j1 is clean";
}

}  // namespace
}  // namespace khala::engine
