// Pages in the order in which jobs run: merged from many sets, and no page costs what the queue holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "store/redis/sets.hpp"
#include "store_redis/redis_factory.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::Ids;
using contract::ids;
using contract::ok;

class RedisInOrder : public ::testing::Test {
protected:
    void add_many(const std::string& prefix, int count, int priority = 5, const std::string& task = "t") {
        std::vector<NewJob> jobs;
        for (int i = 0; i < count; ++i) {
            jobs.push_back(Bench::job(prefix + std::to_string(i), "q", priority));
            jobs.back().task = task;
        }
        EXPECT_EQ(bench_.add_group(std::move(jobs)).size(), static_cast<std::size_t>(count));
    }
    static ListQuery query(int limit, std::vector<State> states = {}) {
        ListQuery query;
        query.order = Order::next_to_run;
        query.limit = limit;
        query.states = std::move(states);
        return query;
    }
    // What all pages hold.
    Ids pages(ListQuery query) {
        Ids all;
        do {
            const ListPage page = ok(store_->list(query));
            std::ranges::copy(ids(page.rows), std::back_inserter(all));
            query.cursor = page.cursor;
        } while (!query.cursor.empty());
        return all;
    }
    // The same, from rows that were read in another order.
    Ids sorted() {
        std::vector<std::tuple<std::int64_t, Ref, std::string>> places;
        ListQuery all;
        do {
            const ListPage page = ok(store_->list(all));
            for (const JobRow& row : page.rows) {
                places.emplace_back(row.standing.order_key, row.ref, row.job.id);
            }
            all.cursor = page.cursor;
        } while (!all.cursor.empty());
        std::ranges::sort(places);
        Ids names;
        for (auto& place : places) {
            names.push_back(std::get<2>(std::move(place)));
        }
        return names;
    }
    // Bytes that the server has sent to anybody.
    std::int64_t sent() {
        return factory_.run({"EVAL",
                             "return tonumber(string.match(redis.call('INFO', 'stats'), "
                             "'total_net_output_bytes:(%d+)'))",
                             "0"});
    }

    RedisFactory factory_;
    std::unique_ptr<Store> store_ = factory_.open();
    Bench bench_{*store_, factory_.clock, {}};
};

TEST_F(RedisInOrder, APageOfASortedSetCostsWhatItHolds) {
    bench_.age("q", 1'000);
    for (int i = 0; i < 40; ++i) {
        add_many("a" + std::to_string(i) + "-", 100);
        factory_.clock.advance(1);
    }
    ListQuery wanted = query(500);
    for (int page = 0; page < 4; ++page) {
        wanted.cursor = ok(store_->list(wanted)).cursor;
    }
    wanted.limit = 5;
    const std::int64_t before = sent();
    EXPECT_EQ(ids(ok(store_->list(wanted)).rows), (Ids{"a20-0", "a20-1", "a20-2", "a20-3", "a20-4"}));
    EXPECT_LT(sent() - before, 20'000);
}

TEST_F(RedisInOrder, APageOfFreshJobsCostsWhatItHolds) {
    add_many("a", 4'000);
    add_many("b", 4'000, 100);
    ListQuery wanted = query(500);
    for (int page = 0; page < 10; ++page) {
        wanted.cursor = ok(store_->list(wanted)).cursor;
    }
    wanted.limit = 5;
    const std::int64_t before = sent();
    EXPECT_EQ(ids(ok(store_->list(wanted)).rows), (Ids{"a1000", "a1001", "a1002", "a1003", "a1004"}));
    EXPECT_LT(sent() - before, 20'000);
}

TEST_F(RedisInOrder, JobsOfManySetsAreMerged) {
    for (int priority = 4; priority < 8; ++priority) {
        add_many("t" + std::to_string(priority), 20, priority);
        add_many("u" + std::to_string(priority), 20, priority, "u");
    }
    NewJob later = Bench::job("later");
    later.run_at = bench_.now() + 1'000;
    EXPECT_EQ(bench_.add(later), Inserted::inserted);
    for (const Lease& lease : bench_.take(12)) {
        const auto number = lease.ref % 3;
        if (number != 0) {
            EXPECT_EQ(bench_.settle(lease, number == 1 ? job::Outcome{job::Done{}} : Bench::failure()), Moved::applied);
        }
    }
    for (const char* id : {"t60", "u50", "u55", "t47"}) {
        EXPECT_EQ(bench_.manage(Verb::cancel, id), Managed::done);
    }
    for (const char* id : {"u50", "t47"}) {
        EXPECT_EQ(bench_.manage(Verb::requeue, id), Managed::done);
    }
    const Ids expected = sorted();
    ASSERT_EQ(expected.size(), 161U);
    for (const int limit : {1, 7, 100, 500}) {
        EXPECT_EQ(pages(query(limit)), expected) << limit;
    }
    ListQuery filtered = query(2);
    filtered.task = "u";
    EXPECT_EQ(pages(filtered).size(), 80U);
}

TEST_F(RedisInOrder, ManyEntriesThatAreNoJobsAnyMoreArePassedBy) {
    add_many("a", 300);
    Ids gone;
    for (int i = 0; i < 290; ++i) {
        gone.push_back("a" + std::to_string(i));
    }
    ok(store_->manage(Verb::cancel, gone, "", ""));
    EXPECT_EQ(pages(query(4, {State::ready})),
              (Ids{"a290", "a291", "a292", "a293", "a294", "a295", "a296", "a297", "a298", "a299"}));
    const Ids all = sorted();
    EXPECT_EQ(pages(query(4)), all);
}

TEST_F(RedisInOrder, CountingDoesNotReadThemAll) {
    add_many("a", 20'000);
    factory_.clock.advance(10);
    const Millis later = bench_.now();
    add_many("b", 10);
    Ids gone;
    for (int i = 0; i < 20'000; ++i) {
        gone.push_back("a" + std::to_string(i));
    }
    ok(store_->manage(Verb::cancel, gone, "", ""));
    const auto commands = [this] {
        return factory_.run({"EVAL",
                             "return tonumber(string.match(redis.call('INFO', 'commandstats'), "
                             "'cmdstat_lrange:calls=(%d+)'))",
                             "0"});
    };
    const std::int64_t before = commands();
    const auto counted = ok(store_->counts("q"));
    EXPECT_LT(commands() - before, 40);
    ASSERT_EQ(counted.size(), 1U);
    EXPECT_EQ(counted.front().by_state[static_cast<std::size_t>(State::ready)], 10);
    EXPECT_EQ(counted.front().oldest_ready_at, later);
}

TEST_F(RedisInOrder, EqualOrderKeysArePagedByInsertion) {
    bench_.age("q", 1'000);
    add_many("a", 2'500);
    Ids expected;
    for (int i = 0; i < 2'500; ++i) {
        expected.push_back("a" + std::to_string(i));
    }
    EXPECT_EQ(pages(query(300)), expected);
}

TEST_F(RedisInOrder, ClosedJobsAreAllThereWhenTheyAreMany) {
    add_many("a", 1'300, 5);
    add_many("b", 1'300, 6);
    for (const Lease& lease : bench_.take(2'000)) {
        EXPECT_EQ(bench_.settle(lease, job::Done{}), Moved::applied);
    }
    EXPECT_EQ(pages(query(400, {State::completed})).size(), 2'000U);
    EXPECT_EQ(pages(query(400)), sorted());
}

// Those that stay where they are come once each.
TEST_F(RedisInOrder, JobsThatMoveDoNotDisturbThePagesOfOthers) {
    add_many("a", 200);
    ListQuery wanted = query(10, {State::ready});
    Ids seen;
    do {
        const ListPage page = ok(store_->list(wanted));
        std::ranges::copy(ids(page.rows), std::back_inserter(seen));
        wanted.cursor = page.cursor;
        bench_.take(3);
        add_many("late" + std::to_string(seen.size()) + "-", 1);
        bench_.manage(Verb::cancel, "a" + std::to_string(seen.size() + 4));
    } while (!wanted.cursor.empty() && seen.size() < 400);
    Ids unique = seen;
    std::ranges::sort(unique);
    EXPECT_EQ(std::ranges::adjacent_find(unique), unique.end());
    for (int i = 0; i < 200; ++i) {
        const std::string id = "a" + std::to_string(i);
        EXPECT_TRUE(bench_.state(id) != State::ready || std::ranges::binary_search(unique, id)) << id;
    }
}

TEST_F(RedisInOrder, ForeignEntriesDoNotKeepAReaderForEver) {
    add_many("a", 3);
    bench_.make_suspect("b");
    std::vector<std::string> command{"ZADD", factory_.key("suspect:q\tt")};
    for (int i = 0; i < 2'500; ++i) {
        command.insert(command.end(), {"7", "foreign" + std::to_string(i)});
    }
    factory_.run(command);
    EXPECT_EQ(pages(query(2, {State::ready})), (Ids{"a0", "a1", "a2", "b"}));
    factory_.run({"ZREMRANGEBYSCORE", factory_.key("suspect:q\tt"), "7", "7"});
}

TEST_F(RedisInOrder, MembersOfManySetsAreAllThere) {
    add_many("a", 2'500);
    for (int task = 0; task < 300; ++task) {
        add_many("b" + std::to_string(task) + "-", 1, 5, "task" + std::to_string(task));
    }
    RedisOptions options = factory_.admin;
    options.clock = &factory_.clock;
    Core core{options};
    ok(core.connect());
    const State ready = State::ready;
    EXPECT_EQ(ok(members(core, {}, {&ready, 1})).size(), 2'800U);
}

}  // namespace
}  // namespace khala::store::redis
