// Exchanges under way: what is sent before the answer to something else is read, and that nothing is lost by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using job::State;
using testing::Bench;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::wait_until;

constexpr int kSlots = 64;
constexpr std::size_t kHalf = kSlots / 2;

using Deliveries = std::vector<std::shared_ptr<Delivery>>;

class Overlap : public ::testing::Test {
protected:
    // Keeps what the store is asked, of the verbs that matter here. `fails`: the verb's error, of some.
    void watch(std::function<std::optional<Error>(const std::string&)> fails = nullptr) {
        bench_.faults->set([this, fails](const std::string& verb) -> std::optional<Error> {
            if (verb == "begin" || verb == "end" || verb == "get") {
                const std::lock_guard lock{mutex_};
                calls_.push_back(verb);
            }
            return fails ? fails(verb) : std::nullopt;
        });
    }
    [[nodiscard]] std::vector<std::string> take_calls() {
        const std::lock_guard lock{mutex_};
        return std::exchange(calls_, {});
    }
    // The next calls; waits until there are so many.
    [[nodiscard]] std::vector<std::string> next_calls(std::size_t count) {
        EXPECT_TRUE(wait_until([&] {
            const std::lock_guard lock{mutex_};
            return calls_.size() >= count;
        }));
        return take_calls();
    }
    void settle(std::span<const std::shared_ptr<Delivery>> deliveries) {
        std::vector<Settlement> settlements;
        for (const auto& delivery : deliveries) {
            settlements.push_back({delivery, job::Done{"1"}, 0});
        }
        EXPECT_TRUE(bench_.engine->inbox().post(std::move(settlements)).ok());
    }
    // The next leases, started.
    [[nodiscard]] Deliveries start(std::size_t count) {
        Deliveries deliveries = bench_.client.next_leases(count);
        for (const auto& delivery : deliveries) {
            EXPECT_TRUE(delivery->start());
        }
        return deliveries;
    }
    // The first half of what a full worker runs has ended, and the store has been asked for more. Answers the other
    // half.
    [[nodiscard]] Deliveries begin(int jobs) {
        bench_.store_jobs("a", jobs);
        bench_.start_worker(kSlots);
        const Deliveries first = start(kHalf);
        Deliveries second = start(kHalf);
        bench_.sync();  // what a new worker asks first
        bench_.sync();
        watch();
        settle(first);
        EXPECT_THAT(next_calls(1), ElementsAre("begin"));
        return second;
    }
    // Runs what comes, and settles it some at a time, until all are done. Nobody gets more than there are slots.
    void run_all(int jobs, Rng& rng) {
        Deliveries running;
        ASSERT_TRUE(bench_.client.pump_until([&] {
            for (const auto& delivery : std::exchange(bench_.client.leases, {})) {
                if (delivery->start()) {
                    ++runs_[delivery->lease().job.id];
                    running.push_back(delivery);
                }
            }
            EXPECT_LE(running.size(), kSlots);
            const auto some = std::min(running.size(), static_cast<std::size_t>(rng() % (kSlots + 1)));
            settle(std::span{running}.first(some));
            running.erase(running.begin(), running.begin() + static_cast<std::ptrdiff_t>(some));
            if (rng() % 2 == 0) {
                bench_.faults->arrive();
            }
            if (rng() % 8 == 0) {
                bench_.advance(200);
            }
            return completed() == jobs;
        }));
    }
    [[nodiscard]] std::int64_t completed() const {
        const std::lock_guard lock{bench_.shared->mutex};
        const auto counters = bench_.shared->store.task_counters().value();
        return counters.empty() ? 0 : counters.front().completed;
    }

    std::mutex mutex_;
    std::vector<std::string> calls_;
    std::map<std::string, int> runs_;
    Bench bench_{{}, nullptr, 0, nullptr, true};
};

TEST_F(Overlap, TheNextBatchIsSentBeforeTheAnswerIsRead) {
    const Deliveries second = begin(3 * kSlots);
    settle(second);
    EXPECT_THAT(next_calls(2), ElementsAre("begin", "end"));
    const Deliveries third = start(kHalf);
    bench_.faults->arrive();
    const Deliveries fourth = start(kHalf);
    EXPECT_THAT(take_calls(), ElementsAre("end"));
    EXPECT_EQ(completed(), kSlots);
    settle(third);
    settle(fourth);
}

TEST_F(Overlap, AClaimLeavesRoomForWhatTheAnswerMayBring) {
    const Deliveries second = begin(3 * kSlots);
    settle(second);
    EXPECT_THAT(next_calls(2), ElementsAre("begin", "end"));
    bench_.faults->arrive();
    EXPECT_EQ(start(kSlots).size(), std::size_t{kSlots});
    bench_.sync();
    bench_.client.pump(0);
    EXPECT_THAT(bench_.client.leases, IsEmpty());
}

TEST_F(Overlap, FewWaitForTheAnswer) {
    const Deliveries second = begin(3 * kSlots);
    const std::span all{second};
    settle(all.first(kHalf / 2));  // as many still run
    settle(all.subspan(kHalf / 2, 1));
    ASSERT_TRUE(wait_until([this] { return bench_.engine->stats().running == kHalf / 2 - 1; }));
    EXPECT_THAT(take_calls(), IsEmpty());
    bench_.faults->arrive();
    EXPECT_THAT(next_calls(2), ElementsAre("begin", "end")) << "what waits goes before the answer is looked at";
    bench_.faults->arrive();
    EXPECT_EQ(start(kHalf + kHalf / 2 + 1).size(), kHalf + kHalf / 2 + 1);
    EXPECT_THAT(take_calls(), ElementsAre("end"));
    settle(all.last(kHalf / 2 - 1));
    ASSERT_TRUE(wait_until([this] { return completed() == kSlots; }));
    EXPECT_THAT(take_calls(), IsEmpty()) << "few go by themselves";
}

TEST_F(Overlap, AnythingElseTakesTheAnswerFirst) {
    const Deliveries second = begin(3 * kSlots);
    EXPECT_EQ(bench_.state("a0"), State::completed);
    EXPECT_THAT(take_calls(), ElementsAre("end", "get"));
    settle(second);
}

TEST_F(Overlap, AnAnswerThatDoesNotShowIsWaitedForInTheEnd) {
    const Deliveries second = begin(3 * kSlots);
    bench_.advance(100);
    EXPECT_THAT(next_calls(1), ElementsAre("end"));
    EXPECT_EQ(start(kHalf).size(), kHalf);
}

TEST_F(Overlap, ClosingTakesTheAnswerAndGivesBackWhatItBrought) {
    const Deliveries second = begin(3 * kSlots);
    bench_.faults->set(nullptr);
    EXPECT_TRUE(bench_.engine->close(5'000));
    EXPECT_EQ(completed(), static_cast<std::int64_t>(kHalf));
    const std::lock_guard lock{bench_.shared->mutex};
    const auto counts = bench_.shared->store.counts("q").value().at(0);
    EXPECT_EQ(counts.by_state[static_cast<std::size_t>(State::running)], 0);
}

TEST_F(Overlap, EachJobRunsOnce) {
    constexpr int kJobs = 3'000;
    Rng rng{17};
    bench_.store_jobs("a", kJobs);
    watch();
    bench_.start_worker(kSlots);
    run_all(kJobs, rng);
    EXPECT_EQ(runs_.size(), std::size_t{kJobs});
    for (const auto& [id, runs] : runs_) {
        EXPECT_EQ(runs, 1) << id;
    }
    const std::vector<std::string> calls = take_calls();
    const auto has = [&calls](const std::vector<std::string>& part) {
        return std::search(calls.begin(), calls.end(), part.begin(), part.end()) != calls.end();
    };
    EXPECT_TRUE(has({"begin", "begin", "end"})) << "two were under way at some time";
    EXPECT_FALSE(has({"begin", "begin", "begin"})) << "never three";
}

// The store does what it is asked, or does not, and its word is lost or late; what was done is not done again.
TEST_F(Overlap, LostAnswersCostNothing) {
    constexpr int kJobs = 2'000;
    Rng rng{23};
    auto chance = std::make_shared<Rng>(29);
    bench_.store_jobs("a", kJobs);
    watch([chance](const std::string& verb) -> std::optional<Error> {
        if (verb == "begin" && (*chance)() % 16 == 0) {
            return Error{ErrorCode::unavailable, "store", "made to fail"};
        }
        if ((verb == "end" || verb == testing::ViewStore::kAnswer) && (*chance)() % 16 == 0) {
            return Error{ErrorCode::unknown_outcome, "store", "made to be lost"};
        }
        return std::nullopt;
    });
    bench_.start_worker(kSlots);
    run_all(kJobs, rng);
    EXPECT_THAT(bench_.client.fatal, IsEmpty());
    EXPECT_THAT(bench_.client.lost, IsEmpty());
    EXPECT_EQ(runs_.size(), std::size_t{kJobs});
    for (const auto& [id, runs] : runs_) {
        EXPECT_EQ(runs, 1) << id;
    }
}

}  // namespace
}  // namespace khala::engine
