#include "store/host/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace khala::store::host {

// One a process, never destroyed: threads may still hold descriptors when static objects go.
struct ForkRegistry {
    std::mutex mutex;
    ForkClosedFd* head = nullptr;  // guarded by mutex
    std::atomic<std::uint64_t> generation{0};

    static ForkRegistry& instance() {
        static ForkRegistry* const registry = [] {
            auto* const made = new ForkRegistry;  // NOLINT(cppcoreguidelines-owning-memory)
            ::pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); }, [] { in_child(); });
            return made;
        }();
        return *registry;
    }

    // Only what is allowed between fork and exec: close() and plain stores. The mutex was taken by the prepare handler.
    static void in_child() {
        auto& registry = instance();
        registry.generation.fetch_add(1, std::memory_order_release);
        for (ForkClosedFd* each = registry.head; each != nullptr;) {
            ::close(each->fd_);
            each->fd_ = -1;
            each->previous_ = nullptr;
            each = std::exchange(each->next_, nullptr);
        }
        registry.head = nullptr;
        registry.mutex.unlock();
    }
};

std::uint64_t fork_generation() noexcept {
    return ForkRegistry::instance().generation.load(std::memory_order_acquire);
}

ForkClosedFd::ForkClosedFd(int fd) noexcept : fd_{fd} {
    enlist();
}

ForkClosedFd::ForkClosedFd(ForkClosedFd&& other) noexcept {
    other.withdraw();
    fd_ = std::exchange(other.fd_, -1);
    enlist();
}

ForkClosedFd& ForkClosedFd::operator=(ForkClosedFd&& other) noexcept {
    if (this != &other) {
        withdraw();
        if (fd_ >= 0) {
            ::close(fd_);
        }
        other.withdraw();
        fd_ = std::exchange(other.fd_, -1);
        enlist();
    }
    return *this;
}

ForkClosedFd::~ForkClosedFd() {
    withdraw();
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

void ForkClosedFd::enlist() noexcept {
    if (fd_ < 0) {
        return;
    }
    auto& registry = ForkRegistry::instance();
    const std::lock_guard lock{registry.mutex};
    next_ = registry.head;
    if (next_ != nullptr) {
        next_->previous_ = this;
    }
    registry.head = this;
}

void ForkClosedFd::withdraw() noexcept {
    if (fd_ < 0) {
        return;
    }
    auto& registry = ForkRegistry::instance();
    const std::lock_guard lock{registry.mutex};
    (previous_ != nullptr ? previous_->next_ : registry.head) = next_;
    if (next_ != nullptr) {
        next_->previous_ = previous_;
    }
    previous_ = next_ = nullptr;
}

}  // namespace khala::store::host
