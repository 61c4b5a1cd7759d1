#include "store/sqlite/bell.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::sqlite {
namespace {

constexpr Interest kAll = ~Interest{0};
constexpr Interests kAny{.ready = kAll, .suspects = kAll, .tasks = kAll};

base::UniqueFd open_directory(const std::filesystem::path& path) {
    return base::UniqueFd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

bool is_rung(const Bell& bell, int timeout_ms = 0) {
    pollfd wait{bell.fd(), POLLIN, 0};
    return ::poll(&wait, 1, timeout_ms) == 1;
}

struct Pair {
    explicit Pair(const TempDirectory& directory)
        : fd{open_directory(directory.path())}, board{*Board::open(fd.get())}, waiter{open()}, writer{open()} {
        waiter.set_interests(kAny);
    }
    Bell open() { return *Bell::open(fd.get(), board); }

    base::UniqueFd fd;
    Board board;
    Bell waiter;
    Bell writer;
};

}  // namespace

TEST(Bell, RingsOnlyForWhatIsWished) {
    const TempDirectory directory;
    Pair pair{directory};
    pair.writer.ring_jobs(1, kAny);
    pair.writer.ring_closings();
    EXPECT_FALSE(is_rung(pair.waiter)) << "nothing was wished";

    pair.waiter.arm(true, false);
    pair.writer.ring_closings();
    EXPECT_FALSE(is_rung(pair.waiter));
    pair.writer.ring_jobs(1, kAny);
    EXPECT_TRUE(is_rung(pair.waiter));
    static_cast<void>(pair.waiter.drain());
    EXPECT_FALSE(is_rung(pair.waiter));

    pair.writer.ring_jobs(1, kAny);
    EXPECT_FALSE(is_rung(pair.waiter)) << "a wish is granted once";

    pair.waiter.arm(false, true);
    pair.writer.ring_closings();
    EXPECT_TRUE(is_rung(pair.waiter));
}

TEST(Bell, RingsWhoeverTakesSuchJobs) {
    const TempDirectory directory;
    Pair pair{directory};
    pair.waiter.set_interests({.ready = interest_in(3), .suspects = 0, .tasks = interest_in(7)});
    pair.waiter.arm(true, false);
    pair.writer.ring_jobs(1, {.ready = interest_in(4), .suspects = 0, .tasks = interest_in(7)});
    pair.writer.ring_jobs(1, {.ready = interest_in(3), .suspects = 0, .tasks = interest_in(8)});
    pair.writer.ring_jobs(1, {.ready = 0, .suspects = interest_in(3), .tasks = interest_in(7)});
    EXPECT_FALSE(is_rung(pair.waiter));
    pair.writer.ring_jobs(1, {.ready = interest_in(3) | interest_in(4), .suspects = 0, .tasks = interest_in(7)});
    EXPECT_TRUE(is_rung(pair.waiter));
}

TEST(Bell, RingsForSuspectsWhoeverTakesThem) {
    const TempDirectory directory;
    Pair pair{directory};
    pair.waiter.set_interests({.ready = 0, .suspects = interest_in(3), .tasks = interest_in(7)});
    pair.waiter.arm(true, false);
    pair.writer.ring_jobs(1, {.ready = interest_in(3), .suspects = 0, .tasks = interest_in(7)});
    EXPECT_FALSE(is_rung(pair.waiter));
    pair.writer.ring_jobs(1, {.ready = 0, .suspects = interest_in(3), .tasks = interest_in(7)});
    EXPECT_TRUE(is_rung(pair.waiter));
}

TEST(Bell, RingsAsManyAsThereIsWorkForInTurn) {
    const TempDirectory directory;
    Pair pair{directory};
    std::vector<Bell> idle;
    for (int i = 0; i < 4; ++i) {
        idle.push_back(pair.open());
        idle.back().set_interests(kAny);
    }
    std::vector<int> rung(idle.size(), 0);
    for (int round = 0; round < 4; ++round) {
        for (Bell& bell : idle) {
            bell.arm(true, false);
        }
        pair.writer.ring_jobs(2, kAny);
        int now = 0;
        for (std::size_t i = 0; i < idle.size(); ++i) {
            if (is_rung(idle[i])) {
                static_cast<void>(idle[i].drain());
                rung[i] += 1;
                now += 1;
            }
        }
        EXPECT_EQ(now, 2);
    }
    EXPECT_EQ(rung, (std::vector<int>{2, 2, 2, 2}));
}

TEST(Bell, ADeadOwnersSeatIsPassedAndTakenOver) {
    const TempDirectory directory;
    Pair pair{directory};
    const Pipe ready;
    Child child{[&] {
        auto bell = Bell::open(pair.fd.get(), pair.board);
        bell->set_interests(kAny);
        bell->arm(true, false);
        ready.write(bell.ok());
        ::pause();
        return 0;
    }};
    bool open = false;
    ASSERT_TRUE(ready.read(open));
    child.kill();
    child.wait();
    pair.waiter.arm(true, false);
    pair.writer.ring_jobs(1, kAny);
    EXPECT_TRUE(is_rung(pair.waiter)) << "the dead one's wish must not use up the ring";

    const auto seats = [&] {
        int found = 0;
        for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) {
            found += entry.path().filename().string().starts_with("bell-") ? 1 : 0;
        }
        return found;
    };
    const int before = seats();
    const Bell again = pair.open();
    EXPECT_EQ(seats(), before) << "the dead one's seat is used again";
}

TEST(Bell, WorksOnPathsThatASocketCannotHave) {
    const TempDirectory directory;
    const auto deep = directory.path() / std::string(120, 'd');
    std::filesystem::create_directory(deep);
    const auto fd = open_directory(deep);
    auto board = Board::open(fd.get());
    ASSERT_TRUE(board.ok());
    auto waiter = Bell::open(fd.get(), *board);
    auto writer = Bell::open(fd.get(), *board);
    ASSERT_TRUE(waiter.ok() && writer.ok());
    waiter->set_interests(kAny);
    waiter->arm(true, false);
    writer->ring_jobs(1, kAny);
    EXPECT_TRUE(is_rung(*waiter));
    struct stat status {};
    ASSERT_EQ(::stat((deep / "bell-0").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Either the waiter's look sees the work, or the writer sees the wish. Two processes; the look is at shared memory.
TEST(Bell, NoRingIsMissed) {
    const TempDirectory directory;
    const auto fd = open_directory(directory.path());
    constexpr int kRounds = 20'000;
    const Pipe ready;
    const Pipe done;
    auto counter = open_private(fd.get(), "counter");
    ASSERT_TRUE(counter.ok());
    ASSERT_TRUE(reserve(counter->get(), sizeof(std::atomic<int>), "counter").ok());
    auto mapping = Mapping::map(counter->get(), sizeof(std::atomic<int>), "counter");
    auto& work = *static_cast<std::atomic<int>*>(mapping->data());

    Child waiter{[&] {
        auto board = Board::open(fd.get());
        auto bell = Bell::open(fd.get(), *board);
        bell->set_interests(kAny);
        ready.write(bell.ok());
        int seen = 0;
        int missed = 0;
        while (seen < kRounds) {
            bell->arm(true, false);
            if (work.load(std::memory_order_relaxed) == seen) {  // the last look
                missed += is_rung(*bell, 5'000) ? 0 : 1;
                static_cast<void>(bell->drain());
            }
            seen = work.load(std::memory_order_relaxed);
            done.write(seen);
        }
        return missed;
    }};
    bool open = false;
    ASSERT_TRUE(ready.read(open));
    auto board = Board::open(fd.get());
    ASSERT_TRUE(board.ok());
    auto writer = Bell::open(fd.get(), *board);
    ASSERT_TRUE(writer.ok());
    for (int round = 1; round <= kRounds; ++round) {
        work.store(round, std::memory_order_relaxed);
        writer->ring_jobs(1, kAny);
        for (int seen = 0; seen < round;) {
            ASSERT_TRUE(done.read(seen));
        }
    }
    EXPECT_EQ(waiter.result(), 0) << "rings missed";
}

TEST(Board, SaysTheSameToEverybody) {
    const TempDirectory directory;
    const auto fd = open_directory(directory.path());
    auto one = Board::open(fd.get());
    auto other = Board::open(fd.get());
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_EQ(other->stalled_until(), 0);
    one->set_stalled_until(1234);
    EXPECT_EQ(other->stalled_until(), 1234);
    one->raise_high_water({7, 8, 9});
    EXPECT_EQ(other->high_water().token, 7);
    EXPECT_EQ(other->high_water().ref, 8);
    EXPECT_EQ(other->high_water().commits, 9);
}

}  // namespace khala::store::sqlite
