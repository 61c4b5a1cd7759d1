// The writer lock: a fair flock turnstile across processes.
//
// SQLite lets one connection write at a time but not in turn: the one that just committed usually wins again. And two
// writers beside a checkpoint can damage the log of SQLite 3.7.0 to 3.51.2. One lock round every write transaction,
// checkpoint, recovery and last close cures both. Two files in the store's directory:
//
//     flock(turn); flock(write); unlock(turn); ... work ...; unlock(write)
//
// Whoever holds `turn` is next; the one who just wrote has to queue behind. Waiting is LOCK_NB with short jittered
// sleeps, so that it can be interrupted; after kTurnPatience `turn` is skipped (its holder may be stopped), `write`
// never is. A dead process holds nothing: the kernel drops its locks.
#pragma once

#include <atomic>
#include <chrono>

#include "base/result.hpp"
#include "base/rng.hpp"
#include "store/sqlite/fork.hpp"

namespace khala::store::sqlite {

class WriterLock {
public:
    using Duration = std::chrono::microseconds;
    static constexpr Duration kSleepMin{30};
    static constexpr Duration kSleepMax{200};
    static constexpr Duration kTurnPatience{50'000};

    // Holds the lock until destroyed. The WriterLock outlives it.
    class Held {
    public:
        explicit Held(int fd) noexcept : fd_{fd} {}
        Held(Held&& other) noexcept : fd_{other.fd_} { other.fd_ = -1; }
        Held& operator=(Held&&) = delete;
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        ~Held();

    private:
        int fd_;
    };

    // `directory` is the store's; the lock files are made in it.
    [[nodiscard]] static Result<WriterLock> open(int directory);

    // Errors: busy after `patience`, interrupted once *interrupt (may be null) is true, io.
    [[nodiscard]] Result<Held> acquire(Duration patience, const std::atomic<bool>* interrupt);

    // How long the latest acquire() waited.
    [[nodiscard]] Duration waited() const noexcept { return waited_; }

private:
    WriterLock(ForkClosedFd turn, ForkClosedFd write);

    ForkClosedFd turn_;
    ForkClosedFd write_;
    base::Rng rng_;
    Duration waited_{0};
};

}  // namespace khala::store::sqlite
