// What a store has acknowledged is true after a power cut, and a disk that fails is an error and not a loss.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "store_sqlite/faulty_disk.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

int cuts_wanted(int usual) {
    const char* const wanted = std::getenv("KHALA_POWER_CUTS");  // NOLINT(concurrency-mt-unsafe)
    return wanted != nullptr ? std::stoi(wanted) : usual;
}

std::string payload_of(const std::string& id) {
    return "{\"of\":\"" + id + "\",\"text\":\"" + std::string(300, 'x') + "\"}";
}

// What a store said yes to, in this order.
struct Fact {
    std::string id;
    bool completed = false;  // else enqueued
};

// Enqueues, runs and prunes until a verb fails or the rounds are over; the facts.
class Life {
public:
    Life(Store& store, std::uint64_t seed) : store_{store}, rng_{seed} {}

    std::vector<Fact> live(int rounds) {
        for (int round = 0; round < rounds && step(); ++round) {
        }
        return facts_;
    }

    // Another turn after a verb failed.
    bool step() {
        switch (rng_.below(8)) {
            case 0: return idle();
            case 1:
            case 2:
            case 3: return insert();
            default: return settle_and_claim();
        }
    }
    [[nodiscard]] const std::vector<Fact>& facts() const { return facts_; }

private:
    bool idle() { return store_.idle().ok(); }

    bool insert() {
        std::vector<NewJob> jobs;
        for (std::uint64_t i = rng_.below(5) + 1; i > 0; --i) {
            const std::string id = "job-" + std::to_string(++last_);
            jobs.push_back(simple_job(id, payload_of(id)));
        }
        if (!enqueue(store_, jobs).ok()) {
            return false;
        }
        for (const NewJob& job : jobs) {
            facts_.push_back({job.id, false});
        }
        return true;
    }

    bool settle_and_claim() {
        std::vector<Move> ends;
        for (const Lease& lease : held_) {
            ends.push_back(done(lease, store_, "\"" + lease.job.id + "\""));
        }
        const Claim claim = simple_claim(static_cast<int>(rng_.below(4)) + 1);
        const auto reply = store_.exchange({.inserts = {}, .moves = ends, .claim = &claim});
        if (!reply.ok()) {
            return false;
        }
        for (std::size_t i = 0; i < ends.size(); ++i) {
            if (reply->moves[i] == Moved::applied) {
                facts_.push_back({ends[i].id, true});
            }
        }
        held_ = reply->leases;
        return true;
    }

    Store& store_;
    Rng rng_;
    int last_ = 0;
    std::vector<Lease> held_;
    std::vector<Fact> facts_;
};

SqliteOptions options_for(const TempDirectory& directory, Synchronous synchronous) {
    SqliteOptions options;
    options.path = directory.file();
    options.synchronous = synchronous;
    options.wal_limit_bytes = 96 << 10;  // so that checkpoints happen within a short life
    return options;
}

// The facts that the store does not know any more.
std::vector<std::size_t> missing_facts(Store& store, const std::vector<Fact>& facts) {
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const std::vector<std::string> ids{facts[i].id};
        const auto row = contract::ok(store.get(ids, false)).front();
        if (!row || (facts[i].completed && row->standing.state != State::completed)) {
            missing.push_back(i);
        } else {
            EXPECT_EQ(row->job.payload, payload_of(facts[i].id));
        }
    }
    return missing;
}

struct Cuts {
    int cuts = 0;
    std::size_t facts = 0;
    std::size_t lost = 0;
    int with_loss = 0;
    int refused = 0;  // the file could not be opened, or a check says what is wrong with it
};

// One life that ends in a power cut, and what is found afterwards.
void cut(Synchronous synchronous, std::uint64_t seed, bool lies, Cuts& sum) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng{seed};
    const TempDirectory before;
    const TempDirectory after;
    std::vector<Fact> facts;
    {
        FaultyDisk disk;
        if (lies) {
            disk.lie_about_sync();
        }
        {
            const auto store = contract::ok(open_sqlite(options_for(before, synchronous)));
            disk.cut_power_after(static_cast<int>(rng.below(400)) + 1);
            facts = Life{*store, seed}.live(120);
            disk.restore(after.path().string(), rng);
        }
    }
    sum.cuts += 1;
    sum.facts += facts.size();
    auto opened = open_sqlite(options_for(after, synchronous));
    if (lies && !opened.ok()) {
        sum.refused += 1;
        return;
    }
    const auto store = contract::ok(std::move(opened));
    const auto faults = store->check();
    if (lies && (!faults.ok() || !faults->empty())) {
        sum.refused += 1;
        return;
    }
    ASSERT_EQ(contract::ok(faults), std::vector<std::string>{}) << "power cuts must not damage the file";
    const auto missing = missing_facts(*store, facts);
    sum.lost += missing.size();
    sum.with_loss += missing.empty() ? 0 : 1;
    if (!missing.empty() && !lies) {
        // Only the end can be lost: a fact that is there has all before it.
        ASSERT_EQ(missing.front() + missing.size(), facts.size()) << "what came later is there";
    }
    // And it goes on from there.
    ASSERT_TRUE(enqueue(*store, {simple_job("next", payload_of("next"))}).ok());
    ASSERT_TRUE(take(*store, simple_claim(3)).ok());
}

void report(const char* level, const Cuts& sum) {
    std::printf("%s: %d power cuts, %zu facts acknowledged, %zu lost in %d cuts, %d refused\n", level, sum.cuts,
                sum.facts, sum.lost, sum.with_loss, sum.refused);
}

}  // namespace

TEST(PowerCut, AtFullLosesNothingThatWasAcknowledged) {
    Cuts sum;
    for (int seed = 1; seed <= cuts_wanted(40); ++seed) {
        cut(Synchronous::full, static_cast<std::uint64_t>(seed), false, sum);
        ASSERT_FALSE(HasFailure());
    }
    report("full", sum);
    EXPECT_EQ(sum.lost, 0U);
    EXPECT_GT(sum.facts, static_cast<std::size_t>(sum.cuts));
}

TEST(PowerCut, AtNormalLosesTheEndAtMostAndDamagesNothing) {
    Cuts sum;
    for (int seed = 1; seed <= cuts_wanted(40); ++seed) {
        cut(Synchronous::normal, static_cast<std::uint64_t>(seed), false, sum);
        ASSERT_FALSE(HasFailure());
    }
    report("normal", sum);
    EXPECT_GT(sum.with_loss, 0) << "the disk of this test loses what was not synced: the test of full shows something";
}

// Nothing can be promised then, but that damage is found.
TEST(PowerCut, WithADiskThatLiesIsFoundOut) {
    Cuts sum;
    for (int seed = 1; seed <= cuts_wanted(40); ++seed) {
        cut(Synchronous::full, static_cast<std::uint64_t>(seed), true, sum);
        ASSERT_FALSE(HasFailure());
    }
    report("lying disk", sum);
    EXPECT_GT(sum.refused, 0);
}

// --- Operations that fail -------------------------------------------------------------------------------------

namespace {

// Lives with one operation failing, at every place in turn, until there is no such place any more.
void fail_everywhere(FaultyDisk::Operation operation, int code,
                     const std::function<void(Store&, const Error&)>& examine) {
    int failures = 0;
    for (int at = 0; at < 400; ++at) {
        SCOPED_TRACE("operation " + std::to_string(at));
        const TempDirectory directory;
        std::vector<Fact> facts;
        bool has_failed = false;
        {
            FaultyDisk disk;
            const auto store = contract::ok(open_sqlite(options_for(directory, Synchronous::full)));
            disk.fail(operation, at, code);
            Life life{*store, 5};
            for (int round = 0; round < 60; ++round) {
                life.step();
                if (disk.has_failed()) {
                    break;
                }
            }
            has_failed = disk.has_failed();
            if (has_failed) {
                const auto next = enqueue(*store, {simple_job("after", payload_of("after"))});
                examine(*store, next.ok() ? Error{} : next.error());
                failures += 1;
            }
            facts = life.facts();
        }
        const auto store = open_store(directory.file());
        ASSERT_EQ(missing_facts(*store, facts), std::vector<std::size_t>{});
        expect_sound(*store);
        ASSERT_FALSE(::testing::Test::HasFailure());
        if (!has_failed) {
            break;
        }
    }
    std::printf("%d places\n", failures);
    EXPECT_GT(failures, 10);
}

}  // namespace

// Nobody knows what is on the disk after a failed fsync, and asking again would be answered yes: the store is over.
TEST(FailingDisk, AFailedSyncEndsTheStore) {
    fail_everywhere(FaultyDisk::Operation::sync, SQLITE_IOERR_FSYNC, [](Store& store, const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::io) << error.to_string();
        const std::vector<std::string> ids{"after"};
        EXPECT_EQ(store.get(ids, false).error().code, ErrorCode::io);
        EXPECT_EQ(store.idle().error().code, ErrorCode::io);
    });
}

TEST(FailingDisk, AFailedWriteIsAnErrorAndNoMore) {
    fail_everywhere(FaultyDisk::Operation::write, SQLITE_IOERR_WRITE, [](Store& store, const Error& error) {
        EXPECT_EQ(error.to_string(), Error{}.to_string()) << "the next transaction works";
        EXPECT_TRUE(store.idle().ok());
    });
}

TEST(FailingDisk, AFullDiskIsCalledByItsName) {
    const TempDirectory directory;
    FaultyDisk disk;
    const auto store = contract::ok(open_sqlite(options_for(directory, Synchronous::full)));
    for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
        disk.fail(FaultyDisk::Operation::write, 0, code);
        const auto refused = enqueue(*store, {simple_job("a")});
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().code, ErrorCode::store_full) << refused.error().to_string();
    }
    EXPECT_EQ(contract::ok(enqueue(*store, {simple_job("a")})).inserts.front().front(), Inserted::inserted)
        << "nothing of it was left behind";
}

TEST(FailingDisk, AFailedReadIsAnErrorAndNoMore) {
    fail_everywhere(FaultyDisk::Operation::read, SQLITE_IOERR_READ, [](Store& store, const Error& error) {
        EXPECT_EQ(error.to_string(), Error{}.to_string()) << "the next transaction works";
        EXPECT_TRUE(store.idle().ok());
    });
}

}  // namespace khala::store::sqlite
