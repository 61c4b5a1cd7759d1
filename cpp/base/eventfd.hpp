// A wake-up that another thread, or an event loop, can poll for.
//
// Nonblocking and close-on-exec. Any number of notify() calls before a drain() are one wake-up. notify() may be called
// from any thread while the object lives; whoever polls the descriptor must stop before it is destroyed.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace khala::base {

class EventFd {
public:
    [[nodiscard]] static Result<EventFd> create();

    // For poll, epoll or asyncio's add_reader: readable while notified and not drained. Still owned by this object.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    // Never blocks. A full counter means the reader is notified anyway.
    void notify() const noexcept;

    // The number of notify() calls since the last drain; 0 when there was none.
    std::uint64_t drain() const noexcept;

private:
    explicit EventFd(UniqueFd fd) noexcept : fd_{std::move(fd)} {}

    UniqueFd fd_;
};

}  // namespace khala::base
