#include "store/sqlite/bell.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace khala::store::sqlite {
namespace {

constexpr std::uint32_t kWantsJobs = 1;
constexpr std::uint32_t kWantsClosings = 2;
constexpr std::uint32_t kSeatCount = 1024;
constexpr std::uint64_t kBoardMagic = 0x31647261'6f62686bU;  // "khboard1"

// Through /proc, because a socket's path may have no more than 107 bytes and a store's may.
std::optional<sockaddr_un> address_of(int directory, std::uint32_t seat) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/bell-" + std::to_string(seat);
    if (path.size() >= sizeof address.sun_path) {
        return std::nullopt;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

const sockaddr* generic(const sockaddr_un& address) noexcept {
    return reinterpret_cast<const sockaddr*>(&address);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

base::UniqueFd make_socket() {
    return base::UniqueFd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

// Whether somebody listens there; nothing is sent.
bool is_taken(int directory, std::uint32_t seat) {
    const base::UniqueFd probe = make_socket();
    const auto address = address_of(directory, seat);
    return probe && address && ::connect(probe.get(), generic(*address), sizeof *address) == 0;
}

}  // namespace

struct Board::Seat {
    std::atomic<std::uint32_t> wants;
    std::uint32_t reserved;
    std::atomic<Interest> ready;
    std::atomic<Interest> tasks;
    std::atomic<Interest> suspects;
    std::array<std::uint64_t, 4> unused;
};

struct Board::Image {
    std::atomic<std::uint64_t> magic;
    std::atomic<std::uint32_t> seats_used;  // one past the highest seat ever taken
    std::uint32_t reserved;
    std::atomic<Millis> stalled_until;
    std::atomic<std::int64_t> token;
    std::atomic<std::int64_t> ref;
    std::atomic<std::int64_t> commits;
    std::array<std::uint64_t, 2> unused;
    std::array<Seat, kSeatCount> seats;
};

Result<Board> Board::open(int directory) {
    static_assert(sizeof(Seat) == 64 && sizeof(Image) == 64 + kSeatCount * sizeof(Seat));
    KHALA_TRY_ASSIGN(const auto file, open_private(directory, "board"));
    KHALA_TRY(reserve(file.get(), sizeof(Image), "board"));
    KHALA_TRY_ASSIGN(auto mapping, Mapping::map(file.get(), sizeof(Image), "board"));
    Board board{std::move(mapping)};
    board.image().magic.store(kBoardMagic);  // all else zero is a valid, empty board
    return board;
}

Board::Image& Board::image() const noexcept {
    return *static_cast<Image*>(mapping_.data());
}

Millis Board::stalled_until() const noexcept {
    return image().stalled_until.load();
}

void Board::set_stalled_until(Millis lease_ms) noexcept {
    image().stalled_until.store(lease_ms);
}

Board::HighWater Board::high_water() const noexcept {
    return {image().token.load(std::memory_order_relaxed), image().ref.load(std::memory_order_relaxed),
            image().commits.load(std::memory_order_relaxed)};
}

void Board::raise_high_water(const HighWater& seen) noexcept {
    image().token.store(seen.token, std::memory_order_relaxed);
    image().ref.store(seen.ref, std::memory_order_relaxed);
    image().commits.store(seen.commits, std::memory_order_relaxed);
}

Bell::Bell(int directory, Board& board, ForkClosedFd socket, std::uint32_t seat) noexcept
    : directory_{directory}, board_{&board}, socket_{std::move(socket)}, seat_{seat}, next_{seat} {}

Bell::~Bell() {
    if (!socket_.valid()) {  // moved from, or a forked child
        return;
    }
    board_->image().seats[seat_].wants.store(0);
    // Not unlinked: the seat may be another's by the time unlink() runs. A socket without owner refuses, which is all
    // that the name is looked at for.
}

Result<Bell> Bell::open(int directory, Board& board) {
    Board::Image& image = board.image();
    for (std::uint32_t seat = 0; seat < kSeatCount; ++seat) {
        if (seat < image.seats_used.load() && is_taken(directory, seat)) {
            continue;
        }
        const auto address = address_of(directory, seat);
        base::UniqueFd socket = make_socket();
        if (!address || !socket) {
            return io_error("bell", "cannot make a socket");
        }
        ::unlink(address->sun_path);
        if (::bind(socket.get(), generic(*address), sizeof *address) != 0) {
            return Error{ErrorCode::unsupported, "bell", io_error("bell", "cannot bind a socket").message};
        }
        ::chmod(address->sun_path, S_IRUSR | S_IWUSR);
        image.seats[seat].wants.store(0);
        image.seats[seat].ready.store(0);
        image.seats[seat].tasks.store(0);
        image.seats[seat].suspects.store(0);
        image.seats_used.store(std::max(image.seats_used.load(), seat + 1));
        return Bell{directory, board, ForkClosedFd{socket.release()}, seat};
    }
    return Error{ErrorCode::unsupported, "bell", "all " + std::to_string(kSeatCount) + " seats are taken"};
}

void Bell::arm(bool jobs, bool closings) noexcept {
    board_->image().seats[seat_].wants.store((jobs ? kWantsJobs : 0) | (closings ? kWantsClosings : 0));
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the wish is seen before the look that follows is taken
}

Wakeup::Heard Bell::drain() noexcept {
    std::array<char, 16> bytes{};
    while (::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    return {.jobs = true, .closings = true, .stops = false, .ids = {}};
}

void Bell::set_interests(const Interests& interests) noexcept {
    Board::Seat& seat = board_->image().seats[seat_];
    seat.ready.store(interests.ready, std::memory_order_relaxed);
    seat.tasks.store(interests.tasks, std::memory_order_relaxed);
    seat.suspects.store(interests.suspects, std::memory_order_relaxed);
}

bool Bell::ring(std::uint32_t seat, std::uint32_t wish) noexcept {
    if ((board_->image().seats[seat].wants.fetch_and(~wish) & wish) == 0) {
        return false;
    }
    const auto address = address_of(directory_, seat);
    const char byte = 1;
    // EAGAIN: its socket is full of rings it has not read; it is as good as rung, but help may be nearer elsewhere.
    return address && ::sendto(socket_.get(), &byte, sizeof byte, MSG_DONTWAIT | MSG_NOSIGNAL, generic(*address),
                               sizeof *address) == sizeof byte;
}

void Bell::ring_jobs(std::int64_t count, const Interests& jobs) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // the commit is seen before the wishes are read
    const std::uint32_t used = board_->image().seats_used.load();
    for (std::uint32_t step = 0; step < used && count > 0; ++step) {
        next_ = next_ + 1 < used ? next_ + 1 : 0;
        const Board::Seat& seat = board_->image().seats[next_];
        const Interests taken{.ready = seat.ready.load(std::memory_order_relaxed),
                              .suspects = seat.suspects.load(std::memory_order_relaxed),
                              .tasks = seat.tasks.load(std::memory_order_relaxed)};
        if (next_ != seat_ && taken.meets(jobs) && ring(next_, kWantsJobs)) {
            --count;
        }
    }
}

void Bell::ring_closings() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint32_t used = board_->image().seats_used.load();
    for (std::uint32_t seat = 0; seat < used; ++seat) {
        if (seat != seat_) {
            static_cast<void>(ring(seat, kWantsClosings));
        }
    }
}

}  // namespace khala::store::sqlite
