#pragma once

#include "store/contract/bench.hpp"

namespace khala::store::contract {

CONTRACT_SUBJECT(ListContract);

inline Ids all_pages(Bench& t, ListQuery query) {
    Ids all;
    for (int page = 0; page < 1'000; ++page) {
        const ListPage got = ok(t.store.list(query));
        EXPECT_LE(got.rows.size(), static_cast<std::size_t>(query.limit));
        for (const JobRow& row : got.rows) {
            all.push_back(row.job.id);
        }
        if (got.cursor.empty()) {
            return all;
        }
        EXPECT_EQ(got.rows.size(), static_cast<std::size_t>(query.limit)) << "only a full page has a cursor";
        query.cursor = got.cursor;
    }
    ADD_FAILURE() << "the pages have no end";
    return all;
}

CONTRACT_CASE(ListContract, GetAnswersInTheOrderOfTheRequest) {
    t.add_all({"a", "b"});
    const Ids wanted{"b", "nobody", "a", "b"};
    const auto rows = ok(t.store.get(wanted, false));
    ASSERT_EQ(rows.size(), 4U);
    EXPECT_EQ(rows[0]->job.id, "b");
    EXPECT_EQ(rows[1], std::nullopt);
    EXPECT_EQ(rows[2]->job.id, "a");
    EXPECT_EQ(rows[3], rows[0]);
    EXPECT_TRUE(ok(t.store.get({}, true)).empty());
}

CONTRACT_CASE(ListContract, RefsAreDistinct) {
    t.add_all({"a", "b"});
    EXPECT_GT(t.row("a").ref, 0);
    EXPECT_NE(t.row("a").ref, t.row("b").ref);
}

CONTRACT_CASE(ListContract, AnEmptyStoreListsNothing) {
    const ListPage page = ok(t.store.list({}));
    EXPECT_TRUE(page.rows.empty());
    EXPECT_EQ(page.cursor, "");
}

CONTRACT_CASE(ListContract, ByAgeBothWays) {
    t.add_all({"c", "a", "b"});
    EXPECT_EQ(t.list({}), (Ids{"c", "a", "b"}));
    ListQuery query;
    query.order = Order::newest_first;
    EXPECT_EQ(t.list(query), (Ids{"b", "a", "c"}));
}

CONTRACT_CASE(ListContract, RowsAreComplete) {
    const Lease lease = t.start("a");
    t.settle(lease, job::Done{"[1]"});
    ListQuery query;
    query.with_history = true;
    const auto rows = ok(t.store.list(query)).rows;
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.front(), t.row("a"));
}

CONTRACT_CASE(ListContract, ByState) {
    t.settle(t.start("done"), job::Done{});
    t.settle(t.start("failed"), Bench::failure());
    t.start("running");
    t.add_all({"ready"});
    ListQuery query;
    query.states = {failed};
    EXPECT_EQ(t.list(query), (Ids{"failed"}));
    query.states = {ready, completed, ready};
    EXPECT_EQ(t.list(query), (Ids{"done", "ready"}));
    query.states = {quarantined};
    EXPECT_TRUE(t.list(query).empty());
}

CONTRACT_CASE(ListContract, ByQueueTaskAndKeys) {
    NewJob job = Bench::job("a", "r");
    job.task = "u";
    job.correlation_id = "c";
    job.tenant = "n";
    job.parent_id = "p";
    t.add(job);
    t.add_all({"b"});
    const auto only_a = [&](auto&& set, std::string value) {
        ListQuery query;
        set(query) = value;
        EXPECT_EQ(t.list(query), (Ids{"a"})) << value;
        set(query) = value + "x";
        EXPECT_TRUE(t.list(query).empty()) << value;
    };
    only_a(
        [](ListQuery & q) -> auto& { return q.queue; }, "r");
    only_a(
        [](ListQuery & q) -> auto& { return q.task; }, "u");
    only_a(
        [](ListQuery & q) -> auto& { return q.correlation_id; }, "c");
    only_a(
        [](ListQuery & q) -> auto& { return q.tenant; }, "n");
    only_a(
        [](ListQuery & q) -> auto& { return q.parent_id; }, "p");
    ListQuery query;
    query.queue = "r";
    query.task = "t";
    EXPECT_TRUE(t.list(query).empty()) << "all conditions at once";
}

CONTRACT_CASE(ListContract, TheCorrelationIdOfAJobWithoutOneIsItsId) {
    t.add(Bench::job("other"));
    t.add(Bench::job("root"));
    NewJob child = Bench::job("child");
    child.correlation_id = "root";
    t.add(child);
    NewJob root = Bench::job("elsewhere");
    root.correlation_id = "other request";
    t.add(root);
    ListQuery query;
    query.correlation_id = "root";
    EXPECT_EQ(t.list(query), (Ids{"root", "child"}));
    query.order = Order::newest_first;
    EXPECT_EQ(t.list(query), (Ids{"child", "root"}));
    query.limit = 1;
    EXPECT_EQ(t.list(query), (Ids{"child"})) << "one page of two";
    query.correlation_id = "elsewhere";
    EXPECT_TRUE(t.list(query).empty()) << "it was given another";
}

CONTRACT_CASE(ListContract, ByTheClassOfTheLatestError) {
    t.settle(t.start("a"), Bench::failure("KeyError"));
    t.settle(t.start("b"), Bench::failure("ValueError"));
    t.settle(t.start("c"), job::Done{});
    ListQuery query;
    query.error_type = "ValueError";
    EXPECT_EQ(t.list(query), (Ids{"b"}));
    query.error_type = "Error";
    EXPECT_TRUE(t.list(query).empty()) << "the whole name";
}

CONTRACT_CASE(ListContract, ByTimeOfEnqueue) {
    const Millis start = t.now();
    for (const std::string id : {"a", "b", "c"}) {
        t.add(Bench::job(id));
        t.clock.advance(100);
    }
    ListQuery query;
    query.enqueued_from = start + 100;
    EXPECT_EQ(t.list(query), (Ids{"b", "c"}));
    query.enqueued_to = start + 200;
    EXPECT_EQ(t.list(query), (Ids{"b"})) << "the end is not part of it";
    query.enqueued_from = 0;
    EXPECT_EQ(t.list(query), (Ids{"a", "b"}));
}

CONTRACT_CASE(ListContract, PagesHaveNoGapsAndNoRepeats) {
    Ids inserted;
    for (int i = 0; i < 23; ++i) {
        inserted.push_back("j" + std::to_string(i));
        t.add(Bench::job(inserted.back(), "q", i % 3));
    }
    ListQuery query;
    query.limit = 5;
    EXPECT_EQ(all_pages(t, query), inserted);
    query.order = Order::newest_first;
    EXPECT_EQ(all_pages(t, query), Ids(inserted.rbegin(), inserted.rend()));
    query.order = Order::next_to_run;
    const Ids by_order = all_pages(t, query);
    EXPECT_EQ(by_order.size(), 23U);
    EXPECT_EQ(ids(t.take(100)), by_order);
}

CONTRACT_CASE(ListContract, AFullLastPageHasNoCursor) {
    t.add_all({"a", "b", "c", "d"});
    ListQuery query;
    query.limit = 2;
    ListPage page = ok(t.store.list(query));
    EXPECT_EQ(ids(page.rows), (Ids{"a", "b"}));
    EXPECT_NE(page.cursor, "");
    query.cursor = page.cursor;
    page = ok(t.store.list(query));
    EXPECT_EQ(ids(page.rows), (Ids{"c", "d"}));
    EXPECT_EQ(page.cursor, "");
}

CONTRACT_CASE(ListContract, PagesOfAFilterAreFullPages) {
    for (int i = 0; i < 60; ++i) {
        t.add(Bench::job("j" + std::to_string(i), i % 10 == 0 ? "rare" : "q"));
    }
    ListQuery query;
    query.queue = "rare";
    query.limit = 2;
    EXPECT_EQ(all_pages(t, query), (Ids{"j0", "j10", "j20", "j30", "j40", "j50"}));
}

CONTRACT_CASE(ListContract, NewAndRemovedJobsDoNotDisturbPages) {
    t.add_all({"a", "b", "c", "d"});
    ListQuery query;
    query.limit = 2;
    query.cursor = ok(t.store.list(query)).cursor;
    t.manage(Verb::remove, "b");
    t.add_all({"e"});
    query.limit = 10;
    EXPECT_EQ(t.list(query), (Ids{"c", "d", "e"}));
}

CONTRACT_CASE(ListContract, EqualAgeingKeysArePagedByInsertion) {
    t.age("q", 1'000);
    t.add_all({"c", "a", "b", "d", "e"});
    ListQuery query;
    query.order = Order::next_to_run;
    query.limit = 2;
    EXPECT_EQ(all_pages(t, query), (Ids{"c", "a", "b", "d", "e"}));
}

CONTRACT_CASE(ListContract, BadQueriesAreRefused) {
    t.add_all({"a", "b"});
    ListQuery query;
    query.limit = 0;
    refused(t.store.list(query), "limit");
    query.limit = static_cast<int>(kListPage) + 1;
    refused(t.store.list(query), "limit");
    query.limit = 1;
    query.cursor = "nonsense";
    refused(t.store.list(query), "cursor");
    query.cursor = "";
    query.cursor = ok(t.store.list(query)).cursor;
    EXPECT_EQ(t.list(query), (Ids{"b"}));
    query.order = Order::newest_first;
    refused(t.store.list(query), "cursor");
}

}  // namespace khala::store::contract
