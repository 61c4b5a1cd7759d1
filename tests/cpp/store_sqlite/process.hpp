// Real processes for tests: forked children that run a function, and pipes to talk with them.
//
// The parent must have no store open at the fork whose file the child is to use: the child opens its own.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <utility>

namespace khala::store::sqlite {

class Child {
public:
    // The function's result is the exit code. An exception or a failed expectation in it is code 99.
    explicit Child(const std::function<int()>& work) {
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            int code = 99;
            try {
                code = work();
            } catch (...) {
                std::fputs("exception in a child\n", stderr);
            }
            std::fflush(nullptr);
            ::_exit(::testing::Test::HasFailure() ? 99 : code);
        }
        EXPECT_GT(pid_, 0);
    }
    Child(Child&& other) noexcept : pid_{std::exchange(other.pid_, 0)} {}
    Child& operator=(Child&& other) noexcept {
        std::swap(pid_, other.pid_);
        return *this;
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
    }

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill(int signal = SIGKILL) const { ::kill(pid_, signal); }

    // Waits for the end; the wait status.
    int wait() {
        int status = 0;
        EXPECT_EQ(::waitpid(std::exchange(pid_, 0), &status, 0) > 0, true);
        return status;
    }
    // The exit code, or minus the signal.
    int result() {
        const int status = wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

private:
    pid_t pid_ = 0;
};

class Pipe {
public:
    Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    Pipe(Pipe&&) = delete;
    Pipe& operator=(Pipe&&) = delete;
    ~Pipe() {
        close_read();
        close_write();
    }
    void close_read() { close(ends_[0]); }
    void close_write() { close(ends_[1]); }

    template <typename T>
    void write(const T& value) const {
        EXPECT_EQ(::write(ends_[1], &value, sizeof value), static_cast<ssize_t>(sizeof value));
    }
    // False at the end.
    template <typename T>
    [[nodiscard]] bool read(T& value) const {
        return ::read(ends_[0], &value, sizeof value) == static_cast<ssize_t>(sizeof value);
    }

private:
    static void close(int& fd) {
        if (fd >= 0) {
            ::close(std::exchange(fd, -1));
        }
    }
    int ends_[2] = {-1, -1};
};

// Memory that parent and children share.
template <typename T>
class Shared {
public:
    Shared()
        : data_{
              static_cast<T*>(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))} {
        ::new (static_cast<void*>(data_)) T{};
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    Shared(Shared&&) = delete;
    Shared& operator=(Shared&&) = delete;
    ~Shared() { ::munmap(data_, sizeof(T)); }
    T* operator->() const { return data_; }

private:
    T* data_;
};

// Until the condition holds; false when it did not within 20 s.
inline bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (std::chrono::steady_clock::now() < deadline) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return condition();
}

}  // namespace khala::store::sqlite
