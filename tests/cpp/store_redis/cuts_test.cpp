// Every verb of the store, its request and its reply cut at every byte: the error says what is known, asking again is
// safe, and in the end everything has happened once.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "store/contract/rows.hpp"
#include "store_redis/redis_factory.hpp"
#include "support/fault_proxy.hpp"

namespace khala::store::redis {
namespace {

using contract::Bench;
using contract::closed_row;
using contract::ids;
using contract::waiting_row;
using support::Direction;
using support::FaultProxy;

class Cuts : public testing::Test {
protected:
    Cuts() {
        RedisOptions options = factory_.options;
        options.unix_path.clear();
        options.port = proxy_.port();
        shaky_ = contract::ok(open_redis(options));
    }
    void TearDown() override {
        for (const std::string& fault : contract::ok(steady_->check())) {
            ADD_FAILURE() << "check(): " << fault;
        }
    }

    // Runs `act` on a store whose connection is cut at each byte in turn, and once more without; `prepare` makes what
    // it is about, on another connection, and `verify` looks at what became of it. All three are given the case's
    // number. `step`: only at every so many bytes.
    void at_every_byte(const std::function<void(int)>& prepare, const std::function<Status(Store&, int)>& act,
                       const std::function<void(int)>& verify, std::int64_t step = 1) {
        int number = 0;
        const auto play = [&](auto cut) {
            ++number;
            SCOPED_TRACE("case " + std::to_string(number));
            prepare(number);
            cut();
            const Status first = act(*shaky_, number);
            if (!first) {
                ++errors_;
                EXPECT_TRUE(first.error().code == ErrorCode::unknown_outcome ||
                            first.error().code == ErrorCode::unavailable)
                    << first.error().to_string();
                const Status again = act(*shaky_, number);
                EXPECT_TRUE(again) << again.error().to_string();
            }
            verify(number);
        };
        play([this] { static_cast<void>(proxy_.count()); });
        const auto lengths = proxy_.count();
        ASSERT_GT(lengths[0], 30);
        for (const Direction direction : {Direction::request, Direction::reply}) {
            for (std::int64_t at = 0; at < lengths[static_cast<std::size_t>(direction)]; at += step) {
                play([&] { proxy_.arm(direction, at); });
                if (HasFatalFailure() || HasNonfatalFailure()) {
                    return;
                }
            }
        }
        EXPECT_GE(errors_,
                  lengths[0] / step);  // a reply may be longer than what the verb must read of it, a request never
        RecordProperty("cuts", number - 1);
    }

    static std::string id(int number) { return "job-" + std::to_string(number); }
    void remove(int number) { EXPECT_EQ(t_.manage(Verb::remove, id(number)), Managed::done); }
    std::int64_t completed() {
        std::int64_t sum = 0;
        for (const TaskCounters& counters : contract::ok(steady_->task_counters())) {
            sum += counters.completed;
        }
        return sum;
    }

    RedisFactory factory_;
    FaultProxy proxy_{shared_server().port()};
    std::unique_ptr<Store> steady_ = factory_.open();
    std::unique_ptr<Store> shaky_;
    Bench t_{*steady_, factory_.clock, {}};
    int errors_ = 0;
};

TEST_F(Cuts, Enqueue) {
    at_every_byte([](int) {},
                  [](Store& store, int number) -> Status {
                      const InsertGroup group{{Bench::job(id(number))}, {}, ""};
                      KHALA_TRY_ASSIGN(const auto reply, store.exchange({{&group, 1}, {}, nullptr}));
                      EXPECT_TRUE(reply.inserts[0][0] == Inserted::inserted || reply.inserts[0][0] == Inserted::exists);
                      return {};
                  },
                  [this](int number) {
                      EXPECT_EQ(t_.state(id(number)), State::ready);
                      EXPECT_EQ(t_.count(State::ready), 1);
                      remove(number);
                  });
}

// Complete rows of another store, one of them closed, with its history.
TEST_F(Cuts, Import) {
    const auto rows_of = [](int number) {
        return std::vector{waiting_row(id(number)), closed_row(id(number) + "-closed")};
    };
    at_every_byte([](int) {},
                  [&](Store& store, int number) -> Status {
                      const InsertGroup group{{}, rows_of(number), ""};
                      KHALA_TRY_ASSIGN(const auto reply, store.exchange({{&group, 1}, {}, nullptr}));
                      EXPECT_EQ(reply.inserts[0][0], reply.inserts[0][1]) << "both or none";
                      EXPECT_NE(reply.inserts[0][0], Inserted::refused);
                      return {};
                  },
                  [&](int number) {
                      EXPECT_EQ(t_.state(id(number)), State::ready);
                      EXPECT_EQ(t_.state(id(number) + "-closed"), State::completed);
                      EXPECT_EQ(t_.row(id(number) + "-closed").history.size(), 2U);
                      EXPECT_EQ(t_.manage(Verb::remove, id(number) + "-closed"), Managed::done);
                      remove(number);
                  });
}

// The library is loaded in the middle of an enqueue, because the server has forgotten it.
TEST_F(Cuts, LibraryLoad) {
    constexpr std::int64_t kStep = 97;  // its text is long
    at_every_byte(
        [this](int) {
            factory_.run({"FUNCTION", "FLUSH"});
        },
        [](Store& store, int number) -> Status {
            const InsertGroup group{{Bench::job(id(number))}, {}, ""};
            KHALA_TRY(store.exchange({{&group, 1}, {}, nullptr}));
            return {};
        },
        [this](int number) {
            EXPECT_EQ(t_.state(id(number)), State::ready);
            EXPECT_EQ(t_.count(State::ready), 1);
            remove(number);
        },
        kStep);
}

// A claim whose answer is lost has leased jobs that nobody runs: they lapse, and until then nobody else has them.
TEST_F(Cuts, Claim) {
    at_every_byte([this](int number) { t_.add(Bench::job(id(number))); },
                  [](Store& store, int) -> Status {
                      const Claim claim = Bench::claim_of(1);
                      KHALA_TRY(store.exchange({{}, {}, &claim}));
                      return {};
                  },
                  [this](int number) {
                      EXPECT_EQ(t_.state(id(number)), State::running);
                      factory_.clock.advance(Bench::kLeaseMs + 1);
                      const auto lapses = contract::ok(steady_->lapsed(10));
                      ASSERT_EQ(lapses.size(), 1U);
                      EXPECT_EQ(t_.settle(lapses.front().lease, lapses.front().cause), Moved::applied);
                      t_.manage(Verb::cancel, id(number));
                      remove(number);
                  });
}

TEST_F(Cuts, SettleAndClaim) {
    Lease lease;
    Move move;
    std::int64_t before = 0;
    at_every_byte(
        [&](int number) {
            lease = t_.start(id(number));
            move = t_.decide(lease, job::Done{"{\"answer\":42}"});
            before = completed();
        },
        [&](Store& store, int) -> Status {
            const Claim claim = Bench::claim_of(1);
            KHALA_TRY_ASSIGN(const auto reply, store.exchange({{}, {&move, 1}, &claim}));
            EXPECT_EQ(reply.moves.front(), Moved::applied);
            return {};
        },
        [&](int number) {
            EXPECT_EQ(t_.standing(id(number)).result, "{\"answer\":42}");
            EXPECT_EQ(t_.row(id(number)).history.size(), 1U);
            EXPECT_EQ(completed(), before + 1);
            remove(number);
        });
}

// Two exchanges under way, with something else asked in between.
TEST_F(Cuts, TwoUnderWay) {
    std::vector<Lease> leases;
    std::vector<Move> moves;
    std::int64_t before = 0;
    at_every_byte(
        [&](int number) {
            leases = {t_.start(id(number)), t_.start(id(number) + "-b")};
            moves = {t_.decide(leases[0], job::Done{"1"}), t_.decide(leases[1], job::Done{"2"})};
            before = completed();
        },
        [&](Store& store, int) -> Status {
            const Claim claim = Bench::claim_of(1);
            Overlap& overlap = *store.overlap();
            const Status first = overlap.begin({{}, {&moves[0], 1}, &claim});
            const Renewal renewal{leases[1].ref, leases[1].job.id, leases[1].standing.token, std::nullopt};
            const auto renewed = store.renew({&renewal, 1}, 0);
            const Status second = overlap.begin({{}, {&moves[1], 1}, &claim});
            Status all = !first ? first : !second ? second : renewed ? Status{} : Status{renewed.error()};
            for (const Status& begun : {first, second}) {
                if (const auto reply = begun ? overlap.end() : Result<ExchangeReply>{begun.error()}; !reply) {
                    all = reply.error();
                } else {
                    EXPECT_EQ(reply->moves.front(), Moved::applied);
                }
            }
            return all;
        },
        [&](int number) {
            EXPECT_EQ(t_.standing(id(number)).result, "1");
            EXPECT_EQ(t_.standing(id(number) + "-b").result, "2");
            EXPECT_EQ(completed(), before + 2);
            EXPECT_EQ(t_.manage(Verb::remove, id(number) + "-b"), Managed::done);
            remove(number);
        });
}

TEST_F(Cuts, FailAndRetry) {
    Move move;
    at_every_byte([&](int number) { move = t_.decide(t_.start(Bench::retried_job(id(number))), Bench::failure()); },
                  [&](Store& store, int) -> Status {
                      KHALA_TRY_ASSIGN(const auto reply, store.exchange({{}, {&move, 1}, nullptr}));
                      EXPECT_EQ(reply.moves.front(), Moved::applied);
                      return {};
                  },
                  [&](int number) {
                      EXPECT_EQ(t_.state(id(number)), State::scheduled);
                      EXPECT_EQ(t_.standing(id(number)).failures, 1);
                      remove(number);
                  });
}

TEST_F(Cuts, Renew) {
    Lease lease;
    at_every_byte([&](int number) { lease = t_.start(id(number)); },
                  [&](Store& store, int number) -> Status {
                      const Renewal renewal{lease.ref, lease.job.id, lease.standing.token, Progress{number, 9, "on"}};
                      KHALA_TRY_ASSIGN(const auto reply, store.renew({&renewal, 1}, Bench::kLeaseMs));
                      EXPECT_EQ(reply.front(), Renewed::ok);
                      return {};
                  },
                  [&](int number) {
                      EXPECT_EQ(t_.standing(id(number)).progress_count, number);
                      EXPECT_EQ(t_.settle(lease, job::Done{"1"}), Moved::applied);
                      remove(number);
                  });
}

TEST_F(Cuts, Manage) {
    at_every_byte([&](int number) { t_.add(Bench::job(id(number))); },
                  [&](Store& store, int number) -> Status {
                      const std::string name = id(number);
                      KHALA_TRY_ASSIGN(const auto reply, store.manage(Verb::cancel, {&name, 1}, "why", "who"));
                      EXPECT_TRUE(reply.front() == Managed::done || reply.front() == Managed::refused);
                      return {};
                  },
                  [&](int number) {
                      EXPECT_EQ(t_.state(id(number)), State::cancelled);
                      remove(number);
                  });
}

TEST_F(Cuts, Prune) {
    at_every_byte([&](int number) { EXPECT_EQ(t_.settle(t_.start(id(number)), job::Done{"1"}), Moved::applied); },
                  [&](Store& store, int) -> Status {
                      Prune rule;
                      rule.states = {State::completed};
                      rule.keep_count = 0;
                      KHALA_TRY(store.prune(rule));
                      return {};
                  },
                  [&](int number) { EXPECT_FALSE(t_.find(id(number))); });
}

TEST_F(Cuts, Queues) {
    at_every_byte(
        [](int) {},
        [](Store& store, int number) -> Status {
            QueueChange change;
            change.queue = "q";
            change.max_length = number;
            return store.change_queue(change);
        },
        [&](int number) { EXPECT_EQ(contract::ok(steady_->counts("q")).front().settings.max_length, number); });
}

TEST_F(Cuts, Workers) {
    at_every_byte([](int) {},
                  [](Store& store, int number) -> Status {
                      WorkerInfo worker;
                      worker.id = "w" + std::to_string(number);
                      worker.queues = {"q"};
                      worker.tasks = {"t"};
                      KHALA_TRY(store.announce(worker));
                      return {};
                  },
                  [&](int number) {
                      EXPECT_EQ(contract::ok(steady_->workers()).size(), 1U);
                      contract::ok(steady_->retire("w" + std::to_string(number)));
                  });
}

TEST_F(Cuts, Reading) {
    t_.add_all({"a", "b"});
    at_every_byte([](int) {},
                  [](Store& store, int) -> Status {
                      const std::vector<std::string> names{"a", "b"};
                      KHALA_TRY_ASSIGN(const auto rows, store.get(names, true));
                      EXPECT_TRUE(rows[0] && rows[1]);
                      KHALA_TRY_ASSIGN(const auto page, store.list({}));
                      EXPECT_EQ(page.rows.size(), 2U);
                      KHALA_TRY_ASSIGN(const auto counts, store.counts(""));
                      EXPECT_EQ(counts.size(), 1U);
                      return {};
                  },
                  [](int) {});
}

// What a worker looks for from time to time.
TEST_F(Cuts, Looking) {
    t_.add_all({"held", "strange"});
    EXPECT_EQ(t_.take_one().job.id, "held");
    NewJob later = Bench::job("later");
    later.run_at = factory_.clock.wall_ms() + 1'000'000;
    t_.add(later);
    t_.announce("w", {"q"}, {"other"});
    t_.pause("q");
    factory_.clock.advance(Bench::kLeaseMs + 1);
    t_.announce("w", {"q"}, {"other"});
    at_every_byte([](int) {},
                  [&](Store& store, int) -> Status {
                      const std::vector<std::string> queues{"q"};
                      KHALA_TRY_ASSIGN(const auto lapses, store.lapsed(10));
                      EXPECT_EQ(lapses.size(), 1U);
                      KHALA_TRY_ASSIGN(const auto strange, store.unroutable(queues, 10));
                      EXPECT_EQ(ids(strange), contract::Ids{"strange"});
                      KHALA_TRY_ASSIGN(const Millis due, store.next_due(queues));
                      EXPECT_EQ(due, later.run_at);
                      KHALA_TRY_ASSIGN(const auto events, store.events("q", 0, 10));
                      EXPECT_EQ(events.size(), 1U);
                      KHALA_TRY_ASSIGN(const auto workers, store.workers());
                      EXPECT_EQ(workers.size(), 1U);
                      return {};
                  },
                  [](int) {});
}

}  // namespace
}  // namespace khala::store::redis
