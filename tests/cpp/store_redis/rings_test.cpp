// Who is rung, and who is not: two or more stores on one namespace of a real server.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::ids;
using contract::ok;

constexpr Millis kPatienceMs = 10'000;

// A store that waits for jobs of queue "q", as an engine does: armed, then one more look, then it polls.
class Waiter {
public:
    explicit Waiter(RedisFactory& factory, std::vector<std::string> tasks = {"t"})
        : store_{factory.open()}, bench_{*store_, factory.clock, {}}, tasks_{std::move(tasks)} {}

    void wait_for_jobs() {
        store_->wakeup()->arm(true, false);
        EXPECT_TRUE(look().empty());
        while (!joined_) {  // the subscription begins with a ring of its own
            joined_ = hear().jobs;
            EXPECT_TRUE(look().empty());
        }
    }
    void wait_for_closings() {
        store_->wakeup()->arm(false, true);
        EXPECT_TRUE(hear().closings) << "joining says that something may have been missed";
    }
    std::vector<Lease> look(int limit = 1) {
        Claim claim = Bench::claim_of(limit);
        claim.tasks = tasks_;
        claim.queues.front().limit = std::min(limit, queue_limit);
        claim.suspects = suspects;
        if (suspects == Suspects::only) {
            claim.limit = claim.queues.front().limit = 0;
        }
        ExchangeReply reply = bench_.claim(claim);
        next_due_at = reply.next_due_at;
        return std::move(reply.leases);
    }
    // What the next ring is for; fails the test when there is none.
    Wakeup::Heard hear() {
        Wakeup::Heard heard;
        const Millis until = SystemClock::instance().lease_ms() + kPatienceMs;
        while (!heard.jobs && !heard.closings && !heard.stops && heard.ids.empty()) {
            pollfd polled{.fd = store_->wakeup()->fd(), .events = POLLIN, .revents = 0};
            ::poll(&polled, 1, 1'000);
            heard = store_->wakeup()->drain();
            if (SystemClock::instance().lease_ms() > until) {
                ADD_FAILURE() << "nobody rang";
                break;
            }
        }
        return heard;
    }
    // Whether it was rung: asked after somebody else was, whose ring was published later.
    bool was_rung() { return store_->wakeup()->drain().jobs; }

    Bench& bench() { return bench_; }

    int queue_limit = 1'000;  // of queue "q"
    Suspects suspects = Suspects::none;
    Millis next_due_at = 0;  // as the last look was told

private:
    std::unique_ptr<Store> store_;
    Bench bench_;
    std::vector<std::string> tasks_;
    bool joined_ = false;
};

struct Rings : ::testing::Test {
    RedisFactory factory;
    std::unique_ptr<Store> store = factory.open();
    Bench bench{*store, factory.clock, {}};
};

TEST_F(Rings, AJobWakesWhoWaitsForIt) {
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_EQ(ids(waiter.look()), (contract::Ids{"a"}));
}

TEST_F(Rings, OneJobWakesOneOfThem) {
    Waiter first{factory};
    Waiter second{factory};
    first.wait_for_jobs();
    second.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 1) << "the other one still waits";
    bench.add_all({"b"});
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 0);
    EXPECT_TRUE(first.hear().jobs);
    EXPECT_TRUE(second.hear().jobs);
}

TEST_F(Rings, WhoDoesNotKnowTheTaskSleepsOn) {
    Waiter other{factory, {"another task"}};
    other.wait_for_jobs();
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_FALSE(other.was_rung());
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 1);
}

// A ring for it would be lost to whoever has room.
TEST_F(Rings, WhoHasNoRoomForMoreOfTheQueueSleepsOn) {
    Waiter full{factory};
    full.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_TRUE(full.hear().jobs);
    full.queue_limit = 1;
    ASSERT_EQ(full.look(2).size(), 1U) << "room for two, but for one of that queue";
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    for (const std::string id : {"b", "c", "d", "e"}) {
        bench.add_all({id});
        EXPECT_TRUE(waiter.hear().jobs) << id;
        EXPECT_EQ(ids(waiter.look(2)), (contract::Ids{id}));
    }
    EXPECT_FALSE(full.was_rung());
}

TEST_F(Rings, WhoWaitsIsToldWhenTheNextScheduledJobIsDue) {
    const auto schedule = [this](const std::string& id, Millis after) {
        NewJob job = Bench::job(id);
        job.run_at = factory.clock.wall_ms() + after;
        bench.add(job);
        return job.run_at;
    };
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    EXPECT_EQ(waiter.next_due_at, 0);
    const Millis first = schedule("a", 5'000);
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_TRUE(waiter.look().empty());
    EXPECT_EQ(waiter.next_due_at, first);
    schedule("b", 9'000);
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 1) << "another is due before it";
    const Millis sooner = schedule("c", 1'000);
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_TRUE(waiter.look().empty());
    EXPECT_EQ(waiter.next_due_at, sooner);
    factory.clock.advance(1'000);
    EXPECT_EQ(ids(waiter.look()), (contract::Ids{"c"}));
    EXPECT_TRUE(waiter.look().empty());
    EXPECT_EQ(waiter.next_due_at, first);
    const Lease lease = bench.start(Bench::retried_job("d"));
    const Move retry = bench.decide(lease, Bench::failure());
    ASSERT_LT(retry.due_at, first);
    ASSERT_EQ(bench.settle(lease, Bench::failure()), Moved::applied);
    EXPECT_TRUE(waiter.hear().jobs) << "a retry is scheduled, too";
}

// Those that died with a process are for who takes suspects; a process for suspects only is not rung for others.
TEST_F(Rings, ASuspectWakesWhoTakesSuspects) {
    Waiter ordinary{factory};
    ordinary.wait_for_jobs();
    Waiter only{factory};
    only.suspects = Suspects::only;
    only.wait_for_jobs();
    bench.make_suspect("s");
    EXPECT_TRUE(ordinary.hear().jobs) << "the job itself, before it was a suspect";
    EXPECT_TRUE(ordinary.look().empty());
    EXPECT_TRUE(only.hear().jobs);
    EXPECT_EQ(ids(only.look()), (contract::Ids{"s"}));
    only.wait_for_jobs();
    for (const std::string id : {"a", "b", "c", "d"}) {
        bench.add_all({id});
        EXPECT_TRUE(ordinary.hear().jobs) << id;
        EXPECT_EQ(ids(ordinary.look(2)), (contract::Ids{id}));
    }
    EXPECT_FALSE(only.was_rung());
    EXPECT_FALSE(ordinary.was_rung());
}

TEST_F(Rings, AReleasedJobWakesToo) {
    bench.add_all({"a"});
    const Lease lease = bench.take_one();
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    EXPECT_EQ(bench.settle(lease, job::Release{"shutdown"}), Moved::applied);
    EXPECT_TRUE(waiter.hear().jobs);
}

TEST_F(Rings, AnEndedPauseWakes) {
    bench.pause("q");
    bench.add_all({"a"});
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    bench.pause("q", false);
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_EQ(waiter.look().size(), 1U);
}

TEST_F(Rings, WhoTookEnoughIsNotRung) {
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_TRUE(waiter.hear().jobs);
    EXPECT_EQ(waiter.look(1).size(), 1U);
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 0);
}

TEST_F(Rings, ADeadOnesWishIsCrossedOut) {
    {
        Waiter waiter{factory};
        waiter.wait_for_jobs();
    }
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 1);
    bench.add_all({"a"});
    EXPECT_EQ(factory.run({"HLEN", factory.key("waits")}), 0);
    EXPECT_EQ(factory.run({"SCARD", factory.key("idle:q")}), 0);
}

TEST_F(Rings, AClosingIsNews) {
    Waiter waiter{factory};
    waiter.wait_for_closings();
    bench.add_all({"a", "b"});
    for (const Lease& lease : bench.take(2)) {
        EXPECT_EQ(bench.settle(lease, job::Done{"1"}), Moved::applied);
        EXPECT_EQ(waiter.hear().ids, (contract::Ids{lease.job.id}));
    }
}

TEST_F(Rings, ARequestToStopReachesTheProcessThatRunsTheJob) {
    Waiter waiter{factory};
    waiter.wait_for_jobs();
    bench.add_all({"a"});
    EXPECT_TRUE(waiter.hear().jobs);
    const auto leases = waiter.look();
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(bench.manage(Verb::cancel, "a"), Managed::requested);
    EXPECT_TRUE(waiter.hear().stops);
    EXPECT_EQ(waiter.bench().renew(leases.front(), 0), Renewed::cancel_requested);
}

}  // namespace
}  // namespace khala::store::redis
