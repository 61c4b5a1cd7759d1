#include "base/eventfd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace khala::base {

Result<EventFd> EventFd::create() {
    UniqueFd fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!fd) {
        return Error{ErrorCode::io, "eventfd", std::generic_category().message(errno)};
    }
    return EventFd{std::move(fd)};
}

void EventFd::notify() const noexcept {
    const std::uint64_t one = 1;
    while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

std::uint64_t EventFd::drain() const noexcept {
    std::uint64_t count = 0;
    ssize_t bytes = 0;
    do {
        bytes = ::read(fd_.get(), &count, sizeof count);
    } while (bytes < 0 && errno == EINTR);
    return bytes == sizeof count ? count : 0;
}

}  // namespace khala::base
