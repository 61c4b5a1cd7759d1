#include "store/sqlite/writer_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "base/unique_fd.hpp"
#include "store_sqlite/process.hpp"
#include "store_sqlite/sqlite_factory.hpp"

namespace khala::store::sqlite {
namespace {

using namespace std::chrono_literals;

base::UniqueFd open_directory(const TempDirectory& directory) {
    return base::UniqueFd{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

constexpr int kWriters = 6;

struct Board {
    std::atomic<int> inside;
    std::atomic<int> violations;
    std::atomic<bool> stop;
    std::array<std::atomic<int>, kWriters> turns;
};

// One that takes the lock again and again, each time for about 1 ms.
int write_until_stopped(const TempDirectory& directory, Board& board, std::size_t number) {
    const auto fd = open_directory(directory);
    auto lock = WriterLock::open(fd.get());
    while (!board.stop.load()) {
        auto held = lock->acquire(20s, &board.stop);
        if (!held) {
            return held.error().code == ErrorCode::interrupted ? 0 : 1;
        }
        board.violations += board.inside.fetch_add(1) != 0 ? 1 : 0;
        std::this_thread::sleep_for(1ms);
        board.inside -= 1;
        board.turns[number] += 1;
    }
    return 0;
}

// Lives until every writing end of the pipe is closed.
void end_of(Pipe& pipe) {
    pipe.close_write();
    char ignored = 0;
    while (pipe.read(ignored)) {
    }
}

}  // namespace

TEST(WriterLock, IsHeldByOneAtATimeAndGoesRound) {
    const TempDirectory directory;
    const Shared<Board> board;
    std::vector<Child> writers;
    for (std::size_t number = 0; number < kWriters; ++number) {
        writers.emplace_back([&, number] { return write_until_stopped(directory, *board.operator->(), number); });
    }
    const auto turns = [&] {
        std::vector<int> counts;
        for (const auto& count : board->turns) {
            counts.push_back(count.load());
        }
        std::ranges::sort(counts);
        return counts;
    };
    EXPECT_TRUE(eventually([&] { return turns().front() >= 100; }));
    board->stop = true;
    for (Child& writer : writers) {
        EXPECT_EQ(writer.result(), 0);
    }
    EXPECT_EQ(board->violations.load(), 0);
    // Without the turnstile the luckiest gets many times what the unluckiest gets.
    EXPECT_LE(turns().back(), 2 * turns().front()) << "shares are far from equal";
}

TEST(WriterLock, ADeadHolderHoldsNothing) {
    const TempDirectory directory;
    const auto fd = open_directory(directory);
    for (int round = 0; round < 20; ++round) {
        const Pipe ready;
        Child holder{[&] {
            auto lock = WriterLock::open(fd.get());
            const auto held = lock->acquire(20s, nullptr);
            ready.write(held.ok());
            ::pause();
            return 0;
        }};
        bool held = false;
        ASSERT_TRUE(ready.read(held));
        ASSERT_TRUE(held);
        auto lock = WriterLock::open(fd.get());
        ASSERT_TRUE(lock.ok());
        EXPECT_EQ(lock->acquire(0us, nullptr).error().code, ErrorCode::busy);
        holder.kill();
        EXPECT_EQ(holder.result(), -SIGKILL);
        EXPECT_TRUE(lock->acquire(20s, nullptr).ok());
    }
}

TEST(WriterLock, WaitingEndsWhenAskedTo) {
    const TempDirectory directory;
    const auto fd = open_directory(directory);
    auto first = WriterLock::open(fd.get());
    auto second = WriterLock::open(fd.get());
    const auto held = first->acquire(1s, nullptr);
    ASSERT_TRUE(held.ok());
    std::atomic<bool> interrupt{false};
    std::thread other{[&] {
        std::this_thread::sleep_for(5ms);
        interrupt = true;
    }};
    const auto refused = second->acquire(20s, &interrupt);
    other.join();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::interrupted);
    EXPECT_LT(second->waited(), 20s);
}

// A stopped process that is next in line keeps nobody out for long.
TEST(WriterLock, AStoppedWaiterIsPassed) {
    const TempDirectory directory;
    const auto fd = open_directory(directory);
    const Pipe ready;
    const Pipe go;
    Child waiter{[&] {
        const base::UniqueFd turn{::openat(fd.get(), "turn", O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
        ready.write(::flock(turn.get(), LOCK_EX) == 0);  // has the turn, and then does nothing with it
        bool ignored = false;
        static_cast<void>(go.read(ignored));
        return 0;
    }};
    bool waiting = false;
    ASSERT_TRUE(ready.read(waiting));
    auto lock = WriterLock::open(fd.get());
    EXPECT_TRUE(lock->acquire(20s, nullptr).ok());
    EXPECT_GE(lock->waited(), WriterLock::kTurnPatience);
}

// A flock lives as long as any copy of its descriptor: without the atfork handler the grandchild would go on holding
// it.
TEST(WriterLock, AForkedChildOfTheHolderDoesNotHoldIt) {
    const TempDirectory directory;
    const auto fd = open_directory(directory);
    const Pipe ready;
    Pipe end;
    Child holder{[&] {
        auto lock = WriterLock::open(fd.get());
        const auto held = lock->acquire(20s, nullptr);
        Child grandchild{[&] {
            end_of(end);
            return 0;
        }};
        ready.write(held.ok());
        ::pause();
        return 0;
    }};
    bool held = false;
    ASSERT_TRUE(ready.read(held));
    holder.kill();
    EXPECT_EQ(holder.result(), -SIGKILL);
    auto lock = WriterLock::open(fd.get());
    EXPECT_TRUE(lock->acquire(10s, nullptr).ok());  // the grandchild may not have run at all yet
}  // closes `end`, and the grandchild goes

}  // namespace khala::store::sqlite
