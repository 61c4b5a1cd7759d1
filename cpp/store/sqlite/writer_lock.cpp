#include "store/sqlite/writer_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "store/sqlite/files.hpp"

namespace khala::store::sqlite {
namespace {

using SteadyClock = std::chrono::steady_clock;

// 1 held, 0 somebody else's, -1 error (errno).
int try_lock(int fd) noexcept {
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EINTR) {
            return errno == EWOULDBLOCK ? 0 : -1;
        }
    }
    return 1;
}

void unlock(int fd) noexcept {
    if (fd >= 0) {
        ::flock(fd, LOCK_UN);
    }
}

}  // namespace

WriterLock::Held::~Held() {
    unlock(fd_);
}

WriterLock::WriterLock(ForkClosedFd turn, ForkClosedFd write)
    : turn_{std::move(turn)}, write_{std::move(write)}, rng_{base::Rng::from_entropy()} {}

Result<WriterLock> WriterLock::open(int directory) {
    KHALA_TRY_ASSIGN(auto turn, open_private(directory, "turn"));
    KHALA_TRY_ASSIGN(auto write, open_private(directory, "write"));
    return WriterLock{ForkClosedFd{turn.release()}, ForkClosedFd{write.release()}};
}

Result<WriterLock::Held> WriterLock::acquire(Duration patience, const std::atomic<bool>* interrupt) {
    const auto began = SteadyClock::now();
    bool has_turn = false;
    bool skips_turn = false;
    for (;;) {
        if (!has_turn && !skips_turn) {
            const int turn = try_lock(turn_.get());
            if (turn < 0) {
                return io_error("writer lock", "turn");
            }
            has_turn = turn > 0;
        }
        if (has_turn || skips_turn) {
            const int write = try_lock(write_.get());
            const int saved_errno = errno;
            if (write != 0 && has_turn) {
                unlock(turn_.get());
            }
            if (write < 0) {
                errno = saved_errno;
                return io_error("writer lock", "write");
            }
            if (write > 0) {
                waited_ = std::chrono::duration_cast<Duration>(SteadyClock::now() - began);
                return Held{write_.get()};
            }
        }
        const auto waited = std::chrono::duration_cast<Duration>(SteadyClock::now() - began);
        const bool interrupted = interrupt != nullptr && interrupt->load(std::memory_order_acquire);
        if (interrupted || waited > patience) {
            if (has_turn) {
                unlock(turn_.get());
            }
            waited_ = waited;
            return interrupted ? Error{ErrorCode::interrupted, "store", "stopped while waiting for another writer"}
                               : Error{ErrorCode::busy, "store", "another process kept the writer lock too long"};
        }
        skips_turn = !has_turn && waited > kTurnPatience;
        const auto span = static_cast<std::uint64_t>((kSleepMax - kSleepMin).count());
        std::this_thread::sleep_for(kSleepMin + Duration{static_cast<Duration::rep>(rng_.below(span + 1))});
    }
}

}  // namespace khala::store::sqlite
