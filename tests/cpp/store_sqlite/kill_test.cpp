// SIGKILL at every step: a process dies at each failpoint in turn, and what it had been told is true afterwards.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/failpoint.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"
#include "store_sqlite/workload.hpp"

namespace khala::store::sqlite {
namespace {

enum class Told : int { enqueued, leased, completed, retried, pruned, end };

struct Word {
    Told what;
    int job;
};

NewJob numbered(int number) {
    NewJob job = simple_job("job-" + std::to_string(number), "[" + std::to_string(number) + "]");
    job.retry = R"({"kind":"fixed","max":3,"base_ms":0})";
    job.result_ttl_ms = number == 0 ? 0 : base::kDayMs;
    return job;
}

int number_of(const Lease& lease) {
    return std::stoi(lease.job.id.substr(4));
}

// A short life that passes every failpoint; says what it was answered.
int live(const std::string& file, const Pipe& told) {
    const auto store = open_store(file, Synchronous::full);
    for (int first = 0; first < 12; first += 4) {
        std::vector<NewJob> group;
        for (int i = first; i < first + 4; ++i) {
            group.push_back(numbered(i));
        }
        if (enqueue(*store, group).ok()) {
            for (int i = first; i < first + 4; ++i) {
                told.write(Word{Told::enqueued, i});
            }
        }
    }
    Rng rng{1};
    const auto leases = take(*store, simple_claim(6))->leases;
    for (const Lease& lease : leases) {
        told.write(Word{Told::leased, number_of(lease)});
    }
    std::vector<Move> ends;
    for (std::size_t i = 0; i < leases.size(); ++i) {
        const Millis now = store->clock().wall_ms();
        ends.push_back(i < 4 ? job::decide(leases[i], job::Done{"1"}, now, rng)
                             : job::decide(leases[i], job::Failure{{"E"}, "{}", false}, now, rng));
    }
    if (settle(*store, ends).ok()) {
        for (std::size_t i = 0; i < leases.size(); ++i) {
            told.write(Word{i < 4 ? Told::completed : Told::retried, number_of(leases[i])});
        }
    }
    if (store->prune({}).ok()) {
        told.write(Word{Told::pruned, 0});
    }
    static_cast<void>(store->idle());
    static_cast<void>(take(*store, simple_claim(3)));
    told.write(Word{Told::end, 0});
    return 0;
}

class Witness {
public:
    void hear(const Word& word) { said_[word.what].insert(word.job); }
    [[nodiscard]] const std::set<int>& of(Told what) { return said_[what]; }
    [[nodiscard]] bool has(Told what) { return !said_[what].empty(); }

private:
    std::map<Told, std::set<int>> said_;
};

// What was acknowledged is there, and the rest is as if it had not been asked for: all or nothing.
void verify(const std::string& file, Witness& witness) {
    const auto store = open_store(file);
    expect_sound(*store);
    std::set<int> present;
    for (int number = 0; number < 12; ++number) {
        const std::vector<std::string> id{"job-" + std::to_string(number)};
        const auto row = contract::ok(store->get(id, true)).front();
        const bool pruned = number == 0 && witness.of(Told::completed).contains(0) && !row;
        if (row || pruned) {
            present.insert(number);
        }
        if (witness.of(Told::enqueued).contains(number)) {
            EXPECT_TRUE(row.has_value() || pruned || number == 0) << "lost: job " << number;
        }
        if (row && witness.of(Told::completed).contains(number)) {
            EXPECT_EQ(row->standing.state, State::completed) << number;
            EXPECT_EQ(row->standing.attempt, 1);
            EXPECT_EQ(row->history.size(), 1U);
        }
        if (row && witness.of(Told::retried).contains(number)) {
            EXPECT_EQ(row->standing.failures, 1);
            EXPECT_GE(row->history.size(), 1U);
        }
        if (row) {
            EXPECT_EQ(row->job.payload, "[" + std::to_string(number) + "]");
        }
    }
    if (!witness.has(Told::pruned)) {
        EXPECT_EQ(present.size() % 4, 0U) << "a group is all in or all out";
    }
    if (witness.has(Told::pruned)) {
        EXPECT_EQ(enqueue(*store, {numbered(0)})->inserts.front().front(), Inserted::exists) << "its id is remembered";
    }
    // Nothing stays leased, and everything else runs to its end exactly once more.
    reap(*store);
    EXPECT_EQ(count_of(*store, State::running), 0);
    for (;;) {
        const auto leases = take(*store, simple_claim(5))->leases;
        if (leases.empty()) {
            break;
        }
        std::vector<Move> ends;
        for (const Lease& lease : leases) {
            EXPECT_FALSE(witness.of(Told::completed).contains(number_of(lease))) << "completed jobs do not run again";
            ends.push_back(done(lease, *store));
        }
        const auto reply = contract::ok(settle(*store, ends));
        EXPECT_EQ(std::ranges::count(reply.moves, Moved::applied), static_cast<std::ptrdiff_t>(ends.size()));
    }
    EXPECT_EQ(count_of(*store, State::ready) + count_of(*store, State::scheduled), 0);
    expect_sound(*store);
}

}  // namespace

TEST(Kill, AtEveryFailpointAndEveryHit) {
    if (!base::configure_failpoints("none=off").ok()) {
        GTEST_SKIP() << "built without failpoints";
    }
    std::map<std::string, std::uint64_t> points;
    {
        const TempDirectory directory;
        const Pipe told;
        live(directory.file(), told);
        points = base::failpoint_hits();
        static_cast<void>(base::configure_failpoints(""));
    }
    for (const char* name :
         {"lock.held", "enqueue.before_commit", "enqueue.committed", "claim.before_commit", "claim.committed",
          "ack.before_commit", "ack.committed", "fail.mid", "prune.mid", "ckpt.before", "ckpt.after", "migrate.mid"}) {
        EXPECT_TRUE(points.contains(name)) << name << " is not passed";
    }
    int kills = 0;
    for (const auto& [name, hits] : points) {
        for (std::uint64_t hit = 1; hit <= hits; ++hit) {
            SCOPED_TRACE(name + "@" + std::to_string(hit));
            const TempDirectory directory;
            Pipe told;
            Child child{[&, &point = name] {
                static_cast<void>(base::configure_failpoints(point + "=kill@" + std::to_string(hit)));
                return live(directory.file(), told);
            }};
            told.close_write();
            Witness witness;
            for (Word word{}; told.read(word);) {
                witness.hear(word);
            }
            ASSERT_EQ(child.result(), -SIGKILL);
            ++kills;
            verify(directory.file(), witness);
            ASSERT_FALSE(HasFailure());
        }
    }
    std::printf("kills: %d at %zu failpoints\n", kills, points.size());
}

// A reaper that dies half way has changed nothing; the next one does all of it.
TEST(Kill, OfAReaperHalfWay) {
    if (!base::configure_failpoints("none=off").ok()) {
        GTEST_SKIP() << "built without failpoints";
    }
    static_cast<void>(base::configure_failpoints(""));
    const TempDirectory directory;
    Child holder{[&] {
        const auto store = open_store(directory.file());
        std::vector<NewJob> jobs;
        for (int i = 0; i < 6; ++i) {
            jobs.push_back(numbered(i));
        }
        return enqueue(*store, jobs).ok() && take(*store, simple_claim(6))->leases.size() == 6
                   ? (::kill(::getpid(), SIGKILL), 1)
                   : 1;
    }};
    ASSERT_EQ(holder.result(), -SIGKILL);
    Child reaper{[&] {
        static_cast<void>(base::configure_failpoints("reap.after_n=kill@3"));
        return static_cast<int>(reap(*open_store(directory.file())));
    }};
    ASSERT_EQ(reaper.result(), -SIGKILL);
    const auto store = open_store(directory.file());
    EXPECT_EQ(count_of(*store, State::running), 6);
    EXPECT_EQ(reap(*store), 6U);
    EXPECT_EQ(count_of(*store, State::ready), 6);
    expect_sound(*store);
}

}  // namespace khala::store::sqlite
