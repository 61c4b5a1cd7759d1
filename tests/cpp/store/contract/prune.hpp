#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(PruneContract);

inline std::int64_t prune(Bench& t, const Prune& rule = {}) {
    return ok(t.store.prune(rule));
}

inline void close_job(Bench& t, const std::string& id, job::Outcome outcome = job::Done{}, std::string queue = "q") {
    EXPECT_EQ(t.add(Bench::job(id, queue)), Inserted::inserted);
    const auto leases = t.take(1, {queue});
    ASSERT_EQ(ids(leases), (Ids{id}));
    EXPECT_EQ(t.settle(leases.front(), std::move(outcome)), Moved::applied);
}

CONTRACT_CASE(PruneContract, RemovesWhatWasKeptLongEnough) {
    close_job(t, "a");
    t.clock.advance(Bench::kTtlMs - 1);
    EXPECT_EQ(prune(t), 0);
    t.clock.advance(1);
    EXPECT_EQ(prune(t), 1);
    EXPECT_EQ(t.find("a"), std::nullopt);
    EXPECT_EQ(t.count(completed), 0);
    EXPECT_TRUE(t.list({}).empty());
    EXPECT_EQ(prune(t), 0);
}

CONTRACT_CASE(PruneContract, ATtlOfZeroGoesAtTheNextPrune) {
    NewJob job = Bench::job("a");
    job.result_ttl_ms = 0;
    t.settle(t.start(job), job::Done{});
    EXPECT_EQ(t.state("a"), completed);
    EXPECT_EQ(prune(t), 1);
}

CONTRACT_CASE(PruneContract, OpenJobsStayWhateverTheirAge) {
    t.add_all({"a"});
    t.take_one();
    t.add_all({"b"});
    t.clock.advance(Bench::kTtlMs * 1'000);
    EXPECT_EQ(prune(t), 0);
    EXPECT_EQ(t.count(running) + t.count(ready), 2);
}

CONTRACT_CASE(PruneContract, DeadLettersStayLonger) {
    close_job(t, "a", Bench::failure());
    t.clock.advance(Bench::kTtlMs);
    EXPECT_EQ(prune(t), 0);
    t.clock.advance(job::kDeadLetterTtlMs);
    EXPECT_EQ(prune(t), 1);
}

CONTRACT_CASE(PruneContract, AnIdIsRememberedForADay) {
    close_job(t, "a");
    t.clock.advance(Bench::kTtlMs);
    EXPECT_EQ(prune(t), 1);
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
    t.clock.advance(kClosedIdMs - 1);
    EXPECT_EQ(prune(t), 0);
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
    EXPECT_EQ(t.add_group({Bench::job("b"), Bench::job("a")}), (std::vector{Inserted::inserted, Inserted::exists}));
    t.clock.advance(1);
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::inserted);
    EXPECT_EQ(t.state("a"), ready);
}

CONTRACT_CASE(PruneContract, ARemovedIdThatWasReusedIsRememberedAfresh) {
    t.add_all({"a"});
    t.manage(Verb::remove, "a");
    t.clock.advance(kClosedIdMs);
    t.add_all({"a"});
    t.clock.advance(1'000);
    t.manage(Verb::remove, "a");
    EXPECT_EQ(prune(t), 0);
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
    t.clock.advance(kClosedIdMs - 1);
    EXPECT_EQ(t.add(Bench::job("a")), Inserted::exists);
}

CONTRACT_CASE(PruneContract, TheEarliestGoFirstUpToTheLimit) {
    for (const std::string id : {"a", "b", "c", "d"}) {
        close_job(t, id);
        t.clock.advance(10);
    }
    t.clock.advance(Bench::kTtlMs);
    Prune rule;
    rule.limit = 3;
    EXPECT_EQ(prune(t, rule), 3);
    EXPECT_EQ(t.list({}), (Ids{"d"}));
    EXPECT_EQ(prune(t, rule), 1);
}

CONTRACT_CASE(PruneContract, ByQueueAndState) {
    close_job(t, "a");
    close_job(t, "b", job::Done{}, "r");
    close_job(t, "c", job::Cancel{}, "r");
    t.clock.advance(Bench::kTtlMs);
    Prune rule;
    rule.queue = "r";
    rule.states = {cancelled};
    EXPECT_EQ(prune(t, rule), 1);
    EXPECT_EQ(t.list({}), (Ids{"a", "b"}));
    rule.states = {};
    EXPECT_EQ(prune(t, rule), 1);
    EXPECT_EQ(t.list({}), (Ids{"a"}));
    rule.queue = "never seen";
    EXPECT_EQ(prune(t, rule), 0);
}

CONTRACT_CASE(PruneContract, ByAge) {
    close_job(t, "a");
    t.clock.advance(100);
    close_job(t, "b");
    t.clock.advance(100);
    close_job(t, "c");
    Prune rule;
    rule.closed_before = t.now() - 100;
    EXPECT_EQ(prune(t, rule), 1) << "b closed at that very time";
    EXPECT_EQ(t.list({}), (Ids{"b", "c"}));
    rule.closed_before = t.now() + 1;
    EXPECT_EQ(prune(t, rule), 2) << "keep_until is not asked";
}

CONTRACT_CASE(PruneContract, ByCountOfEachQueueAndState) {
    for (const std::string queue : {"q", "r"}) {
        for (const std::string n : {"1", "2", "3"}) {
            close_job(t, queue + n, job::Done{}, queue);
            close_job(t, queue + "x" + n, job::Cancel{}, queue);
            t.clock.advance(1);
        }
    }
    Prune rule;
    rule.keep_count = 2;
    EXPECT_EQ(prune(t, rule), 4);
    EXPECT_EQ(t.list({}), (Ids{"q2", "qx2", "q3", "qx3", "r2", "rx2", "r3", "rx3"}));
    rule.keep_count = 0;
    rule.queue = "r";
    EXPECT_EQ(prune(t, rule), 4);
    EXPECT_EQ(prune(t, rule), 0);
}

CONTRACT_CASE(PruneContract, ByAgeOrCount) {
    for (const std::string id : {"a", "b", "c", "d"}) {
        close_job(t, id);
        t.clock.advance(100);
    }
    Prune rule;
    rule.keep_count = 3;
    rule.closed_before = t.now() - 250;
    EXPECT_EQ(prune(t, rule), 2) << "a by both, b by age";
    EXPECT_EQ(t.list({}), (Ids{"c", "d"}));
}

CONTRACT_CASE(PruneContract, RulesSpareDeadLettersUnlessTheyAreNamed) {
    close_job(t, "a", Bench::failure());
    close_job(t, "b");
    t.clock.advance(1);
    Prune rule;
    rule.keep_count = 0;
    EXPECT_EQ(prune(t, rule), 1);
    EXPECT_EQ(t.list({}), (Ids{"a"}));
    rule.states = {failed, quarantined};
    EXPECT_EQ(prune(t, rule), 1);
}

CONTRACT_CASE(PruneContract, BadRulesAreRefused) {
    Prune rule;
    rule.states = {completed, ready};
    refused(t.store.prune(rule), "ready");
    rule = {};
    rule.limit = 0;
    refused(t.store.prune(rule), "limit");
    rule = {};
    rule.closed_before = -1;
    refused(t.store.prune(rule), "closed_before");
}

}  // namespace khala::store::contract
