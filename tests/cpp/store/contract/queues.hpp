#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(QueueContract);

CONTRACT_CASE(QueueContract, APausedQueueIsNotClaimed) {
    t.add_all({"a"});
    t.add(Bench::job("b", "r", 1));
    t.pause("q");
    const auto reply = t.claim(Bench::claim_of(5, {"q", "r"}));
    EXPECT_EQ(ids(reply.leases), (Ids{"b"}));
    EXPECT_FALSE(reply.more) << "nobody can take it";
    EXPECT_EQ(t.state("a"), ready);
}

CONTRACT_CASE(QueueContract, ResumingGoesOnWhereItStopped) {
    t.add_all({"a", "b"});
    t.pause("q");
    EXPECT_TRUE(t.take(1).empty());
    t.pause("q", false);
    EXPECT_EQ(ids(t.take(2)), (Ids{"a", "b"}));
}

CONTRACT_CASE(QueueContract, PausingLetsRunningJobsFinish) {
    const Lease lease = t.start("a");
    t.pause("q");
    EXPECT_EQ(t.renew(lease), Renewed::ok);
    EXPECT_EQ(t.settle(lease, job::Done{}), Moved::applied);
}

CONTRACT_CASE(QueueContract, AQueueCanBePausedBeforeItHasJobs) {
    t.pause("q");
    t.add_all({"a"});
    EXPECT_TRUE(t.take(1).empty());
}

CONTRACT_CASE(QueueContract, ChangesTouchOnlyWhatTheyName) {
    QueueChange change;
    change.queue = "q";
    change.max_length = 10;
    change.defaults = R"({"attempts":3})";
    ok(t.store.change_queue(change));
    change = {};
    change.queue = "q";
    change.paused = true;
    change.ageing_ms = 500;
    change.log_moves = true;
    ok(t.store.change_queue(change));
    const auto counts = ok(t.store.counts("q"));
    ASSERT_EQ(counts.size(), 1U);
    EXPECT_EQ(counts.front().settings, (QueueSettings{true, 10, 500, R"({"attempts":3})", true}));
    change = {};
    change.queue = "q";
    ok(t.store.change_queue(change));
    EXPECT_EQ(ok(t.store.counts("q")).front().settings, counts.front().settings);
}

CONTRACT_CASE(QueueContract, QueuesHaveTheirOwnSettings) {
    t.pause("q");
    t.add(Bench::job("b", "r"));
    EXPECT_EQ(ok(t.store.counts("r")).front().settings, QueueSettings{});
}

CONTRACT_CASE(QueueContract, BadChangesAreRefusedWhole) {
    const auto wrong = [&](auto&& spoil, std::string_view field) {
        QueueChange change;
        change.queue = "q";
        change.paused = true;
        spoil(change);
        refused(t.store.change_queue(change), field);
        EXPECT_TRUE(ok(t.store.counts("q")).empty()) << field;
    };
    wrong([](QueueChange& c) { c.max_length = -1; }, "max_length");
    wrong([](QueueChange& c) { c.ageing_ms = -1; }, "ageing_ms");
    wrong([](QueueChange& c) { c.ageing_ms = (std::int64_t{1} << 44) + 1; }, "ageing_ms");
    wrong([](QueueChange& c) { c.defaults = "{"; }, "defaults");
    wrong([](QueueChange& c) { c.defaults = "[]"; }, "defaults");
    QueueChange nameless;
    nameless.paused = true;
    refused(t.store.change_queue(nameless), "queue");
}

CONTRACT_CASE(QueueContract, LoweringTheLimitRemovesNothing) {
    t.add_all({"a", "b", "c"});
    t.limit_length("q", 1);
    EXPECT_EQ(t.count(ready), 3);
    EXPECT_EQ(t.add(Bench::job("d")), Inserted::full);
    t.take(3);
    EXPECT_EQ(t.add(Bench::job("d")), Inserted::inserted);
}

}  // namespace khala::store::contract
