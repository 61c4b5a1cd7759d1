// Wake-up across processes, without polling and without a broker.
//
// The file `board` in the store's directory is mapped by every process: a header and one seat for each open store. A
// seat has a socket `bell-<seat>` (nonblocking, datagrams) and says what its owner waits for. A waiter writes that down,
// *then* looks once more, then polls the socket. A writer, after COMMIT, takes back the wish of as many seats as there
// is work for and sends one byte to each. Either the waiter's look sees the commit, or the writer sees the wish.
//
// A seat whose socket refuses belongs to a dead process and is skipped until somebody takes it over. Rings may be lost
// to a stopped process or come without reason; callers look once a second besides.
#pragma once

#include <cstdint>
#include <string>

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

class Bell final : public Wakeup {
public:
    // Takes a seat. Under the writer lock. Errors: unsupported when the file system has no sockets or all seats are
    // taken (the store then works by polling), io, store_full.
    [[nodiscard]] static Result<Bell> open(int directory);
    Bell(Bell&&) noexcept = default;
    Bell& operator=(Bell&&) = delete;
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell() override;

    [[nodiscard]] int fd() const noexcept override { return socket_.get(); }
    void arm(bool jobs, bool closings) noexcept override;
    void drain() noexcept override;

    // Which jobs this store can take; without it nobody rings for jobs.
    void set_interest(Interest queues, Interest tasks) noexcept;

    // Rings up to `count` others that wait for such jobs; the seats are taken in turn.
    void ring_jobs(std::int64_t count, Interest queues, Interest tasks) noexcept;
    // Rings all others that wait for closings.
    void ring_closings() noexcept;

    // The lease clock until which nobody should take a lease back for its age, because a writer had been held up and
    // with it everybody's renewals.
    [[nodiscard]] Millis stalled_until() const noexcept;
    void set_stalled_until(Millis lease_ms) noexcept;

private:
    struct Seat;
    struct Board;

    Bell(int directory, Mapping mapping, ForkClosedFd socket, std::uint32_t seat) noexcept;

    // Takes the wish back and sends a byte. False when the seat did not wish it or its owner is gone.
    bool ring(std::uint32_t seat, std::uint32_t wish) noexcept;
    [[nodiscard]] Board& board() const noexcept;

    int directory_;
    Mapping mapping_;
    ForkClosedFd socket_;
    std::uint32_t seat_;
    std::uint32_t next_ = 0;  // where the next round of ringing starts
};

}  // namespace khala::store::sqlite
