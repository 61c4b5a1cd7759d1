#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(OutboxContract);

inline Move with_entries(Move move, const Ids& targets) {
    for (const std::string& target : targets) {
        move.outbox.push_back({target, R"({"to":")" + target + "\"}"});
    }
    return move;
}

inline Ids targets(Bench& t, int limit = 100) {
    Ids all;
    for (const Store::OutboxRow& row : ok(t.store.outbox(limit))) {
        all.push_back(row.entry.target);
    }
    return all;
}

CONTRACT_CASE(OutboxContract, IsEmptyAtFirst) {
    EXPECT_TRUE(ok(t.store.outbox(10)).empty());
    refused(t.store.outbox(0), "limit");
}

CONTRACT_CASE(OutboxContract, EntriesOfAnAppliedMoveAreKeptInOrder) {
    const Lease lease = t.start("a");
    EXPECT_EQ(t.apply(with_entries(t.decide(lease, job::Done{}), {"x", "y"})), Moved::applied);
    const auto rows = ok(t.store.outbox(10));
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].id, "a");
    EXPECT_EQ(rows[0].token, lease.standing.token);
    EXPECT_EQ(rows[0].entry, (job::OutboxEntry{"x", R"({"to":"x"})"}));
    EXPECT_EQ(rows[1].entry.target, "y");
    EXPECT_LT(rows[0].number, rows[1].number);
}

CONTRACT_CASE(OutboxContract, ALostMoveWritesNone) {
    const Lease lease = t.start("a");
    t.settle(lease, Lapsed{});
    EXPECT_EQ(t.apply(with_entries(t.decide(lease, job::Done{}), {"x"})), Moved::lost);
    Lease unknown = lease;
    unknown.job.id = "b";
    unknown.ref = 0;
    EXPECT_EQ(t.apply(with_entries(t.decide(unknown, job::Done{}), {"x"})), Moved::missing);
    EXPECT_TRUE(targets(t).empty());
}

CONTRACT_CASE(OutboxContract, OldestFirstUpToTheLimitUntilDropped) {
    for (const std::string id : {"a", "b", "c"}) {
        t.apply(with_entries(t.decide(t.start(id), job::Done{}), {id}));
    }
    EXPECT_EQ(targets(t), (Ids{"a", "b", "c"}));
    EXPECT_EQ(targets(t, 2), (Ids{"a", "b"}));
    const auto rows = ok(t.store.outbox(10));
    ASSERT_EQ(rows.size(), 3U);
    const std::vector<std::int64_t> delivered{rows[1].number, rows[0].number, 1'000'000};
    ok(t.store.outbox_drop(delivered));
    EXPECT_EQ(targets(t), (Ids{"c"}));
    ok(t.store.outbox_drop(delivered));
    EXPECT_EQ(targets(t), (Ids{"c"})) << "numbers that are gone are ignored";
}

CONTRACT_CASE(OutboxContract, NumbersAreNotReused) {
    t.apply(with_entries(t.decide(t.start("a"), job::Done{}), {"x"}));
    const auto first = ok(t.store.outbox(1));
    ASSERT_EQ(first.size(), 1U);
    const std::int64_t number = first.front().number;
    ok(t.store.outbox_drop({&number, 1}));
    t.apply(with_entries(t.decide(t.start("b"), job::Done{}), {"y"}));
    const auto second = ok(t.store.outbox(1));
    ASSERT_EQ(second.size(), 1U);
    EXPECT_GT(second.front().number, number);
}

CONTRACT_CASE(OutboxContract, EntriesOutliveTheirJob) {
    t.apply(with_entries(t.decide(t.start("a"), job::Done{}), {"x"}));
    t.manage(Verb::remove, "a");
    EXPECT_EQ(targets(t), (Ids{"x"}));
}

}  // namespace khala::store::contract
