// Wake-up across processes, without polling and without a broker.
//
// The file `board` in the store's directory is mapped by every process: a header and one seat for each open store. A
// seat has a socket `bell-<seat>` (nonblocking, datagrams) and says what its owner waits for. A waiter writes that
// down, *then* looks once more, then polls the socket. A writer, after COMMIT, takes back the wish of as many seats as
// there is work for and sends one byte to each. Either the waiter's look sees the commit, or the writer sees the wish.
//
// A seat whose socket refuses belongs to a dead process and is skipped until somebody takes it over. Rings may be lost
// to a stopped process or come without reason; callers look once a second besides.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite/files.hpp"
#include "store/sqlite/fork.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

// A set of queue or task numbers, folded into 64 bits: a match may be false, a mismatch never is.
using Interest = std::uint64_t;
[[nodiscard]] constexpr Interest interest_in(std::int64_t number) noexcept {
    return Interest{1} << (static_cast<std::uint64_t>(number) % 64U);
}

// Which jobs there are, or which a store could take now. A ring for others would be lost: whoever is rung and takes
// nothing leaves the job to the look that everybody takes once a second.
struct Interests {
    Interest ready = 0;     // queues of jobs that are no suspects
    Interest suspects = 0;  // queues of suspects
    Interest tasks = 0;     // of both

    [[nodiscard]] bool meets(const Interests& other) const noexcept {
        return ((ready & other.ready) != 0 || (suspects & other.suspects) != 0) && (tasks & other.tasks) != 0;
    }
};

// The shared mapping. Lasts as long as the directory; a new layout needs a new file name.
class Board {
public:
    [[nodiscard]] static Result<Board> open(int directory);

    // The lease clock until which nobody should take a lease back for its age, because a writer had been held up and
    // with it everybody's renewals.
    [[nodiscard]] Millis stalled_until() const noexcept;
    void set_stalled_until(Millis lease_ms) noexcept;

    // What the latest commit left. A database that is behind it was restored from a backup, or lost the end of its log.
    // Under the writer lock.
    struct HighWater {
        std::int64_t token = 0;
        std::int64_t ref = 0;
        std::int64_t commits = 0;

        [[nodiscard]] bool is_behind(const HighWater& other) const noexcept {
            return token < other.token || ref < other.ref || commits < other.commits;
        }
    };
    [[nodiscard]] HighWater high_water() const noexcept;
    void raise_high_water(const HighWater& seen) noexcept;

private:
    friend class Bell;
    struct Seat;
    struct Image;

    explicit Board(Mapping mapping) noexcept : mapping_{std::move(mapping)} {}
    [[nodiscard]] Image& image() const noexcept;

    Mapping mapping_;
};

class Bell final : public Wakeup {
public:
    // Takes a seat. Under the writer lock. The board outlives the bell. Errors: unsupported when the file system has no
    // sockets or all seats are taken; the store then works by polling.
    [[nodiscard]] static Result<Bell> open(int directory, Board& board);
    Bell(Bell&&) noexcept = default;
    Bell& operator=(Bell&&) = delete;
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell() override;

    [[nodiscard]] int fd() const noexcept override { return socket_.get(); }
    void arm(bool jobs, bool closings) noexcept override;
    [[nodiscard]] Heard drain() noexcept override;

    // Which jobs this store could take now; without it nobody rings for jobs.
    void set_interests(const Interests& interests) noexcept;

    // Rings up to `count` others that wait for such jobs; the seats are taken in turn.
    void ring_jobs(std::int64_t count, const Interests& jobs) noexcept;
    // Rings all others that wait for closings.
    void ring_closings() noexcept;

private:
    Bell(int directory, Board& board, ForkClosedFd socket, std::uint32_t seat) noexcept;

    // Takes the wish back and sends a byte. False when the seat did not wish it or its owner is gone.
    bool ring(std::uint32_t seat, std::uint32_t wish) noexcept;

    int directory_;
    Board* board_;
    ForkClosedFd socket_;
    std::uint32_t seat_;
    std::uint32_t next_ = 0;  // where the next round of ringing starts
};

}  // namespace khala::store::sqlite
