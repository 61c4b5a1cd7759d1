#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(EventContract);

CONTRACT_CASE(EventContract, MovesAreNotLoggedUnlessAskedFor) {
    t.settle(t.start("a"), job::Done{});
    EXPECT_TRUE(t.events().empty());
    EXPECT_TRUE(t.events("never seen").empty());
}

CONTRACT_CASE(EventContract, ALoggedLifeIsComplete) {
    t.log_moves("q");
    NewJob later = Bench::retried_job("a", 1);
    later.run_at = t.now() + 10;
    EXPECT_EQ(t.add_group({later}, "alice"), (std::vector{Inserted::inserted}));
    t.clock.advance(10);
    t.settle(t.take_one(), Bench::failure());
    t.clock.advance(1'000);
    t.settle(t.take_one(), job::Snooze{5, "busy"});
    t.clock.advance(5);
    t.settle(t.take_one(), job::Release{"shutdown"});
    t.settle(t.take_one(), Lapsed{});
    t.settle(t.take_one(), Bench::failure());
    EXPECT_EQ(t.event_names(), (Ids{"log_moves", "enqueue", "due", "claim", "retry", "due", "claim", "snooze", "due",
                                    "claim", "release", "claim", "lapse", "claim", "fail"}));
    const auto events = t.events();
    EXPECT_EQ(events[1].actor, "alice");
    EXPECT_EQ(events[1].job_id, "a");
    EXPECT_EQ(events[2].actor, "");
    EXPECT_EQ(events[3].actor, "w1");
    EXPECT_EQ(events[7].detail, "busy");
    EXPECT_EQ(events[7].actor, "w1");
    EXPECT_EQ(events[10].detail, "shutdown");
    EXPECT_EQ(events.back().at, t.now());
    EXPECT_EQ(events.back().detail, "no retries left after 2 failures");
}

CONTRACT_CASE(EventContract, SequencesAreGaplessPerQueue) {
    t.log_moves("q");
    t.log_moves("r");
    t.add_all({"a", "b"});
    t.add(Bench::job("c", "r"));
    t.take(3, {"q", "r"});
    for (const std::string queue : {"q", "r"}) {
        std::int64_t expected = 1;
        for (const Event& event : t.events(queue)) {
            EXPECT_EQ(event.sequence, expected++);
            EXPECT_EQ(event.queue, queue);
        }
    }
    EXPECT_EQ(t.events("q").size(), 5U);
    EXPECT_EQ(t.events("r").size(), 3U);
}

CONTRACT_CASE(EventContract, ReadingGoesOnAfterASequence) {
    t.log_moves("q");
    t.add_all({"a", "b", "c", "d"});
    const auto part = ok(t.store.events("q", 2, 2));
    ASSERT_EQ(part.size(), 2U);
    EXPECT_EQ(part[0].sequence, 3);
    EXPECT_EQ(part[0].job_id, "b");
    EXPECT_EQ(part[1].sequence, 4);
    EXPECT_TRUE(ok(t.store.events("q", 5, 10)).empty());
    refused(t.store.events("q", 0, 0), "limit");
    refused(t.store.events("q", 0, static_cast<int>(kListPage) + 1), "limit");
}

CONTRACT_CASE(EventContract, TheLatestAreKept) {
    t.log_moves("q");
    std::vector<NewJob> jobs;
    for (int i = 0; i < kEventCount + 9; ++i) {
        jobs.push_back(Bench::job("j" + std::to_string(i)));
    }
    t.add_group(jobs);
    const auto events = t.events();
    ASSERT_EQ(events.size(), static_cast<std::size_t>(kEventCount));
    EXPECT_EQ(events.front().sequence, 11);
    EXPECT_EQ(events.back().sequence, kEventCount + 10);
    EXPECT_EQ(events.back().job_id, jobs.back().id);
}

CONTRACT_CASE(EventContract, ManagementIsAlwaysLogged) {
    t.add_all({"a", "b"});
    const Lease lease = t.take_one();
    EXPECT_EQ(t.manage(Verb::cancel, "a", "too slow", "ops"), Managed::requested);
    EXPECT_EQ(t.manage(Verb::cancel, "b", "", "ops"), Managed::done);
    EXPECT_EQ(t.manage(Verb::cancel, "b", "", "ops"), Managed::refused);
    EXPECT_EQ(t.manage(Verb::requeue, "b", "again", "ops"), Managed::done);
    EXPECT_EQ(t.manage(Verb::remove, "b", "gone", "ops"), Managed::done);
    EXPECT_EQ(t.manage(Verb::remove, "b", "gone", "ops"), Managed::missing);
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::applied);
    EXPECT_EQ(t.event_names(), (Ids{"cancel", "cancel", "requeue", "remove"}));
    const auto events = t.events();
    EXPECT_EQ(events[0].job_id, "a");
    EXPECT_EQ(events[0].actor, "ops");
    EXPECT_EQ(events[0].detail, "too slow");
    EXPECT_EQ(events[3].job_id, "b");
    EXPECT_EQ(events[3].at, t.now());
}

CONTRACT_CASE(EventContract, AVerbOfManagementIsOneEventInALoggedQueueToo) {
    t.log_moves("q");
    t.add_all({"a"});
    t.manage(Verb::cancel, "a");
    t.manage(Verb::requeue, "a");
    EXPECT_EQ(t.event_names(), (Ids{"log_moves", "enqueue", "cancel", "requeue"}));
}

CONTRACT_CASE(EventContract, EachChangedFieldIsAnEvent) {
    QueueChange change;
    change.queue = "q";
    change.actor = "ops";
    change.paused = true;
    change.max_length = 5;
    change.ageing_ms = 10;
    change.defaults = R"({"a":1})";
    change.log_moves = true;
    ok(t.store.change_queue(change));
    EXPECT_EQ(t.event_names(), (Ids{"pause", "limit", "ageing", "defaults", "log_moves"}));
    const auto events = t.events();
    EXPECT_EQ(events[1].detail, "5");
    EXPECT_EQ(events[3].detail, R"({"a":1})");
    EXPECT_EQ(events[4].detail, "on");
    for (const Event& event : events) {
        EXPECT_EQ(event.actor, "ops");
        EXPECT_EQ(event.job_id, "");
    }
    t.pause("q", false);
    EXPECT_EQ(t.event_names().back(), "resume");
}

CONTRACT_CASE(EventContract, ExpiryParkingAndAnnouncementsAreLogged) {
    t.log_moves("q");
    NewJob job = Bench::job("a");
    job.task = "rare";
    t.add(job);
    job = Bench::job("b");
    job.expires_at = t.now() + 10;
    t.add(job);
    t.clock.advance(10);
    EXPECT_EQ(t.claim(Bench::claim_of(5)).expired, (Ids{"b"}));
    for (const Lease& lease : ok(t.store.unroutable(std::vector<std::string>{"q"}, 10))) {
        t.settle(lease, job::Unroutable{});
    }
    t.announce("w9", {"q"}, {"rare"});
    EXPECT_EQ(t.event_names(), (Ids{"log_moves", "enqueue", "enqueue", "expire", "park", "announce"}));
}

}  // namespace khala::store::contract
