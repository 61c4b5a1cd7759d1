// The parts of the engine by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "engine/agenda.hpp"
#include "engine/deadlines.hpp"
#include "engine/failure.hpp"
#include "engine/inbox.hpp"
#include "engine/port.hpp"
#include "engine/watchers.hpp"
#include "store/memory/memory_store.hpp"
#include "support.hpp"

namespace khala::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::wait_until;

bool readable(int fd) {
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&polled, 1, 0) == 1;
}

std::shared_ptr<Delivery> delivery(store::Store& store, int slot = 0) {
    job::Lease lease;
    lease.job.id = "j" + std::to_string(slot);
    lease.standing.token = 7;
    return std::make_shared<Delivery>(std::move(lease), slot, store);
}

std::vector<Item> stops(int count) {
    std::vector<Item> items;
    for (int i = 0; i < count; ++i) {
        items.emplace_back(Stop{.slot = i, .reason = StopReason::cancelled});
    }
    return items;
}

// --- deadlines --------------------------------------------------------------------------------------------------

TEST(Deadlines, NothingIsDueBeforeItsTime) {
    Deadlines deadlines{4};
    EXPECT_EQ(deadlines.bound(), kNever);
    deadlines.set(2, 100);
    deadlines.set(1, 50);
    EXPECT_EQ(deadlines.bound(), 50);
    EXPECT_THAT(deadlines.take_due(49), IsEmpty());
    EXPECT_THAT(deadlines.take_due(50), ElementsAre(1U));
    EXPECT_EQ(deadlines.bound(), 100);
}

TEST(Deadlines, AClearedDeadlineNeverComes) {
    Deadlines deadlines{4};
    deadlines.set(0, 10);
    deadlines.set(3, 20);
    deadlines.clear(0);
    EXPECT_THAT(deadlines.take_due(15), IsEmpty());
    EXPECT_EQ(deadlines.bound(), 20) << "the scan that found nothing raised the bound";
    EXPECT_THAT(deadlines.take_due(20), ElementsAre(3U));
    EXPECT_EQ(deadlines.bound(), kNever);
}

TEST(Deadlines, ADeadlineCanBeMovedEitherWay) {
    Deadlines deadlines{1};
    deadlines.set(0, 10);
    deadlines.set(0, 30);
    EXPECT_THAT(deadlines.take_due(10), IsEmpty());
    deadlines.set(0, 20);
    EXPECT_THAT(deadlines.take_due(25), ElementsAre(0U));
}

TEST(Agenda, TheLongestOverdueComesFirst) {
    Agenda agenda;
    EXPECT_EQ(agenda.at(agenda.first()), kNever);
    agenda.set(Chore::reap, 30);
    agenda.set(Chore::prune, 20);
    EXPECT_EQ(agenda.first(), Chore::prune);
    agenda.set_sooner(Chore::reap, 40);
    EXPECT_EQ(agenda.at(Chore::reap), 30);
    agenda.set_sooner(Chore::reap, 10);
    EXPECT_EQ(agenda.first(), Chore::reap);
    agenda.clear(Chore::reap);
    EXPECT_EQ(agenda.first(), Chore::prune);
}

// --- deliveries -------------------------------------------------------------------------------------------------

TEST(Delivery, StartsOnce) {
    store::MemoryStore store;
    const auto one = delivery(store);
    EXPECT_FALSE(one->started());
    EXPECT_TRUE(one->start());
    EXPECT_TRUE(one->started());
    EXPECT_FALSE(one->start());
    EXPECT_FALSE(one->revoke()) << "it runs";
}

TEST(Delivery, ARevokedOneNeverStarts) {
    store::MemoryStore store;
    const auto one = delivery(store);
    EXPECT_TRUE(one->revoke());
    EXPECT_TRUE(one->revoke());
    EXPECT_FALSE(one->start());
}

TEST(Delivery, OfARaceExactlyOneWins) {
    store::MemoryStore store;
    for (int round = 0; round < 500; ++round) {
        const auto one = delivery(store);
        bool started = false;
        bool revoked = false;
        std::thread runner{[&] { started = one->start(); }};
        std::thread engine{[&] { revoked = one->revoke(); }};
        runner.join();
        engine.join();
        ASSERT_NE(started, revoked);
    }
}

TEST(Delivery, TheFirstReasonToStopStays) {
    store::MemoryStore store;
    const auto one = delivery(store);
    EXPECT_EQ(one->stop_asked(), std::nullopt);
    one->ask_to_stop(StopReason::timeout);
    one->ask_to_stop(StopReason::shutdown);
    EXPECT_EQ(one->stop_asked(), StopReason::timeout);
}

TEST(StopReason, HasANameEach) {
    EXPECT_EQ(name(StopReason::cancelled), "cancelled");
    EXPECT_EQ(name(StopReason::timeout), "timeout");
    EXPECT_EQ(name(StopReason::lease_lost), "lease_lost");
    EXPECT_EQ(name(StopReason::shutdown), "shutdown");
}

// --- ports ------------------------------------------------------------------------------------------------------

TEST(Port, IsReadableUntilEverythingWasTaken) {
    const auto port = Port::create().value();
    EXPECT_FALSE(readable(port->fd()));
    auto items = stops(300);
    port->push(items);
    EXPECT_THAT(items, IsEmpty());
    EXPECT_TRUE(readable(port->fd()));
    EXPECT_EQ(port->drain(256).size(), 256U);
    EXPECT_TRUE(readable(port->fd())) << "44 are left";
    EXPECT_EQ(port->depth(), 44U);
    EXPECT_EQ(port->drain(256).size(), 44U);
    EXPECT_FALSE(readable(port->fd()));
    EXPECT_THAT(port->drain(256), IsEmpty());
}

TEST(Port, KeepsTheOrder) {
    const auto port = Port::create().value();
    auto items = stops(3);
    port->push(items);
    std::vector<int> slots;
    for (const Item& item : port->drain(10)) {
        slots.push_back(std::get<Stop>(item).slot);
    }
    EXPECT_THAT(slots, ElementsAre(0, 1, 2));
}

TEST(Port, LeavesOutLeasesThatWereTakenBack) {
    store::MemoryStore store;
    const auto port = Port::create().value();
    const auto kept = delivery(store, 1);
    const auto revoked = delivery(store, 2);
    std::vector<Item> items;
    items.emplace_back(kept);
    items.emplace_back(revoked);
    port->push(items);
    EXPECT_TRUE(revoked->revoke());
    const auto taken = port->drain(10);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(std::get<std::shared_ptr<Delivery>>(taken[0]), kept);
}

TEST(Port, DropsWhatComesAfterClose) {
    const auto port = Port::create().value();
    auto items = stops(1);
    port->push(items);
    Port::close(port);
    Port::close(port);
    EXPECT_EQ(port->fd(), -1);
    EXPECT_THAT(port->drain(10), IsEmpty());
    items = stops(1);
    port->push(items);
    EXPECT_THAT(port->drain(10), IsEmpty());
    EXPECT_EQ(port->lag_ms(), 0);
}

TEST(Port, ReportsAWaitThatWasTooLong) {
    const auto port = Port::create().value();
    auto items = stops(1);
    port->push(items);
    ASSERT_TRUE(wait_until([&] { return port->lag_ms() > Port::kLagMs; }));
    const auto taken = port->drain(10);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_GT(std::get<Lag>(taken[0]).ms, Port::kLagMs);
    EXPECT_EQ(port->lag_ms(), 0);
    EXPECT_GT(port->max_lag_ms(), Port::kLagMs);
}

TEST(Port, NeverMissesAWakeUp) {
    const auto port = Port::create().value();
    constexpr int kItems = 20'000;
    std::thread producer{[&] {
        for (int i = 0; i < kItems; ++i) {
            auto items = stops(1);
            port->push(items);
        }
    }};
    int taken = 0;
    while (taken < kItems) {
        pollfd polled{.fd = port->fd(), .events = POLLIN, .revents = 0};
        ASSERT_EQ(::poll(&polled, 1, 10'000), 1) << "after " << taken;
        const auto items = port->drain(256);
        taken += static_cast<int>(std::count_if(items.begin(), items.end(), [](const Item& item) {
            return std::holds_alternative<Stop>(item);  // and no reports of lag
        }));
    }
    producer.join();
    EXPECT_EQ(taken, kItems);
}

// --- the inbox --------------------------------------------------------------------------------------------------

Insertion insertion(std::size_t jobs, std::size_t bytes) {
    Insertion made{.from = {}, .group = {}};
    made.jobs = jobs;
    made.bytes = bytes;
    return made;
}

TEST(Inbox, IsFullAtEitherLimitAndRefusesAtTwice) {
    const auto inbox = Inbox::create({.jobs = 10, .bytes = 1'000}).value();
    EXPECT_FALSE(inbox->full());
    EXPECT_TRUE(inbox->post(insertion(11, 10)).ok()) << "may overshoot by one call";
    EXPECT_TRUE(inbox->full());
    EXPECT_TRUE(inbox->post(insertion(9, 10)).ok());
    const Status refused = inbox->post(insertion(1, 10));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::queue_full);
    EXPECT_EQ(refused.error().field, "inbox");
    inbox->forget(11, 10);
    EXPECT_FALSE(inbox->full());
    EXPECT_TRUE(inbox->post(insertion(1, 990)).ok());
    EXPECT_TRUE(inbox->full()) << "by bytes";
}

TEST(Inbox, TakesACallLargerThanItselfWhenEmpty) {
    const auto inbox = Inbox::create({.jobs = 10, .bytes = 1'000}).value();
    EXPECT_TRUE(inbox->post(insertion(500, 10)).ok());
}

TEST(Inbox, RingsOnlyASleeper) {
    const auto inbox = Inbox::create({}).value();
    EXPECT_TRUE(inbox->post(Reclaimed{1}).ok());
    EXPECT_FALSE(readable(inbox->fd())) << "nobody sleeps";
    EXPECT_FALSE(inbox->may_sleep()) << "something waits";
    Intake taken;
    inbox->take(taken);
    EXPECT_EQ(taken.commands.size(), 1U);
    EXPECT_TRUE(inbox->may_sleep());
    EXPECT_TRUE(inbox->post(Reclaimed{2}).ok());
    EXPECT_TRUE(inbox->post(Reclaimed{3}).ok());
    EXPECT_TRUE(readable(inbox->fd()));
    Intake next;
    inbox->take(next);
    EXPECT_EQ(next.commands.size(), 2U);
    EXPECT_FALSE(readable(inbox->fd()));
}

TEST(Inbox, APokeWakesWithoutContent) {
    const auto inbox = Inbox::create({}).value();
    inbox->poke();
    EXPECT_FALSE(inbox->may_sleep());
    Intake taken;
    inbox->take(taken);
    EXPECT_TRUE(taken.empty());
    EXPECT_TRUE(inbox->may_sleep());
    inbox->poke();
    EXPECT_TRUE(readable(inbox->fd()));
}

TEST(Inbox, ClosedItRefusesEverythingWithTheFirstReason) {
    const auto inbox = Inbox::create({}).value();
    inbox->close({ErrorCode::io, "disk", "gone"});
    inbox->close({ErrorCode::closed, "engine", "closed"});
    EXPECT_EQ(inbox->post(insertion(1, 1)).error().code, ErrorCode::io);
    EXPECT_EQ(inbox->post(std::vector<Settlement>{}).error().code, ErrorCode::io);
    EXPECT_EQ(inbox->post(Asked{}).error().code, ErrorCode::io);
    EXPECT_EQ(inbox->post(Reclaimed{1}).error().code, ErrorCode::io);
    Intake taken;
    inbox->take(taken);
    EXPECT_TRUE(taken.empty());
}

// --- watchers ---------------------------------------------------------------------------------------------------

TEST(Watchers, LooksAtEveryIdInWindows) {
    Outbox outbox;
    Watchers watchers{outbox};
    const auto port = Port::create().value();
    watchers.add({{port, 1}, {"a", "b", "c", "d", "e"}});
    EXPECT_TRUE(watchers.wanting()) << "new ones are looked up at once";
    EXPECT_EQ(watchers.take_wanted(10).size(), 5U);
    EXPECT_FALSE(watchers.wanting());
    watchers.want_all();
    EXPECT_THAT(watchers.take_wanted(2), ElementsAre("a", "b"));
    EXPECT_THAT(watchers.take_wanted(2), ElementsAre("c", "d"));
    EXPECT_THAT(watchers.take_wanted(2), ElementsAre("e"));
    EXPECT_FALSE(watchers.wanting());
    watchers.want("nobody's");
    EXPECT_FALSE(watchers.wanting());
}

TEST(Watchers, EveryoneWhoWaitsIsAnswered) {
    Outbox outbox;
    Watchers watchers{outbox};
    const auto port = Port::create().value();
    watchers.add({{port, 1}, {"a", "b"}});
    watchers.add({{port, 2}, {"a"}});
    store::JobRow row;
    row.job.id = "a";
    row.standing.state = job::State::running;
    watchers.found("a", row);
    EXPECT_EQ(watchers.size(), 3U) << "it is not closed yet";
    row.standing.state = job::State::failed;
    watchers.found("a", row);
    watchers.found("b", std::nullopt);
    EXPECT_TRUE(watchers.empty());
    outbox.flush();
    const auto items = port->drain(10);
    ASSERT_EQ(items.size(), 3U);
    const auto& missing = std::get<Reply>(items[2]);
    EXPECT_EQ(missing.answer.error().code, ErrorCode::not_found);
    EXPECT_EQ(missing.answer.error().field, "job");
    EXPECT_EQ(missing.answer.error().message, "there is no job b");
}

TEST(Watchers, ForgetByCallerOrByPort) {
    Outbox outbox;
    Watchers watchers{outbox};
    const auto one = Port::create().value();
    const auto two = Port::create().value();
    watchers.add({{one, 1}, {"a", "b"}});
    watchers.add({{two, 1}, {"a"}});
    watchers.remove(Address{two, 1});
    EXPECT_EQ(watchers.size(), 2U);
    watchers.remove(one);
    EXPECT_TRUE(watchers.empty());
    EXPECT_THAT(watchers.take_wanted(10), ::testing::SizeIs(3)) << "harmless: nobody is answered";
}

// --- reports ----------------------------------------------------------------------------------------------------

TEST(Failure, AStuckLineIsOneLineOfJson) {
    job::Lease lease;
    lease.job.id = "a\"b\nc";
    lease.job.task = "t";
    lease.standing.token = 9;
    const std::string line = stuck_line(lease, 3);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_THAT(line, ::testing::HasSubstr(R"("event":"stuck","slot":3)"));
    EXPECT_THAT(line, ::testing::HasSubstr(R"("job":"a\"b\nc")"));
}

TEST(Failure, ATimeoutIsPythonsTimeoutError) {
    const job::Failure failure = timeout_failure(500);
    EXPECT_TRUE(failure.timeout);
    EXPECT_THAT(failure.mro, ElementsAre("TimeoutError", "OSError", "Exception", "BaseException"));
    EXPECT_THAT(failure.error, ::testing::HasSubstr("500 ms"));
}

}  // namespace
}  // namespace khala::engine
