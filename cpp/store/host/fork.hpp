// What must not survive fork(): locks and sockets.
//
// A flock belongs to the open file description, which a child shares: while the child lives, its parent's locks stay
// held and its parent's sockets stay bound, even after the parent died. So the descriptors that carry them are closed
// in every child, by a pthread_atfork handler, and the store notices by the generation that it is in one.
#pragma once

#include <cstdint>

namespace khala::store::host {

// Grows by one in every forked child. A store compares it with the value at its opening.
[[nodiscard]] std::uint64_t fork_generation() noexcept;

// Sole owner of a descriptor that is closed in forked children, where get() is then -1. Thread-safe registration;
// otherwise used by one thread at a time.
class ForkClosedFd {
public:
    ForkClosedFd() noexcept = default;
    explicit ForkClosedFd(int fd) noexcept;
    ForkClosedFd(ForkClosedFd&& other) noexcept;
    ForkClosedFd& operator=(ForkClosedFd&& other) noexcept;
    ForkClosedFd(const ForkClosedFd&) = delete;
    ForkClosedFd& operator=(const ForkClosedFd&) = delete;
    ~ForkClosedFd();

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

private:
    friend struct ForkRegistry;

    void enlist() noexcept;
    void withdraw() noexcept;

    int fd_ = -1;
    ForkClosedFd* previous_ = nullptr;  // a list of all of them, guarded by the registry's mutex
    ForkClosedFd* next_ = nullptr;
};

}  // namespace khala::store::host
