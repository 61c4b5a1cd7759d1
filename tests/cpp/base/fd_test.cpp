#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <thread>

#include "base/eventfd.hpp"
#include "base/unique_fd.hpp"

namespace khala::base {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

TEST(UniqueFd, ClosesWhatItOwns) {
    int number = -1;
    {
        const UniqueFd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        ASSERT_TRUE(fd.valid());
        number = fd.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, MovesOwnership) {
    UniqueFd first{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int number = first.get();
    UniqueFd second{std::move(first)};
    EXPECT_EQ(second.get(), number);
    UniqueFd third;
    EXPECT_FALSE(third);
    third = std::move(second);
    EXPECT_EQ(third.get(), number);
    EXPECT_TRUE(is_open(number));

    const UniqueFd fourth{third.release()};
    EXPECT_FALSE(third.valid());
    EXPECT_TRUE(is_open(number));
}

TEST(UniqueFd, ResetClosesTheOldOne) {
    UniqueFd fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int old = fd.get();
    fd.reset(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    EXPECT_NE(fd.get(), old);
    EXPECT_FALSE(is_open(old));
}

bool readable(const EventFd& event) {
    pollfd entry{event.fd(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

TEST(EventFd, ManyNotificationsAreOneWakeUp) {
    const auto event = EventFd::create();
    ASSERT_TRUE(event.ok());
    EXPECT_FALSE(readable(*event));
    EXPECT_EQ(event->drain(), 0U);

    event->notify();
    event->notify();
    EXPECT_TRUE(readable(*event));
    EXPECT_EQ(event->drain(), 2U);
    EXPECT_FALSE(readable(*event));
}

TEST(EventFd, WakesAnotherThread) {
    const auto event = EventFd::create();
    ASSERT_TRUE(event.ok());
    const std::jthread notifier{[&event] { event->notify(); }};
    pollfd entry{event->fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 10'000), 1);
}

TEST(EventFd, IsNonblockingAndNotInherited) {
    const auto event = EventFd::create();
    ASSERT_TRUE(event.ok());
    EXPECT_NE(::fcntl(event->fd(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(event->fd(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(EventFd, ReportsWhenDescriptorsRunOut) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit none{0, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto event = EventFd::create();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_FALSE(event.ok());
    EXPECT_EQ(event.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace khala::base
