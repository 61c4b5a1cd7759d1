// The way back: what the engine has to tell one event loop, behind one eventfd that the loop polls.
//
// The descriptor becomes readable when the first item arrives and stays so until everything was taken; a push onto a
// queue that is not empty costs no system call. Nothing here calls back: the loop takes items when it likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/eventfd.hpp"
#include "base/result.hpp"
#include "engine/delivery.hpp"
#include "engine/question.hpp"

namespace khala::engine {

class Inbox;

// Names one request of one caller; chosen by the caller.
using Ticket = std::int64_t;

struct Reply {
    Ticket ticket = 0;
    Result<Answer> answer;
};
struct Stop {  // the handler in this slot should end
    int slot = 0;
    StopReason reason = StopReason::cancelled;
};
struct Abandon {  // its hard timeout passed and was settled; the slot is free once reclaimed
    int slot = 0;
};
struct Fatal {  // the engine failed; nothing more will come
    Error error;
};
struct Lag {  // items waited this long for the loop
    Millis ms = 0;
};
struct Lost {  // a settlement was refused: the lease had gone to somebody else
    std::string id;
    store::Token token = 0;
};

struct StoreReset {  // the contents of the store are gone, for the count-th time since it was opened
    std::int64_t count = 0;
};

// The order is the numbering of the Python face.
using Item = std::variant<Reply, std::shared_ptr<Delivery>, Stop, Abandon, Fatal, Lag, Lost, StoreReset>;

// Thread-safe. Shared (shared_ptr) by the loop that drains it and by every engine that still has something to say.
class Port {
public:
    static constexpr Millis kLagMs = 100;  // a wait longer than this is reported

    [[nodiscard]] static Result<std::shared_ptr<Port>> create();

    // -1 after close().
    [[nodiscard]] int fd() const noexcept { return fd_.load(std::memory_order_relaxed); }

    // At most `limit` items, oldest first. Leases that were taken back meanwhile are left out.
    [[nodiscard]] std::vector<Item> drain(std::size_t limit);

    // Takes the items out of `items`. After close() they are dropped: their leases are released through PortClosed.
    void push(std::vector<Item>& items);

    // Closes the descriptor and tells every attached engine, which releases what this port's worker holds. The loop
    // must have stopped polling the descriptor. Idempotent.
    static void close(const std::shared_ptr<Port>& port);

    // `inbox` is told when the port closes; false when it has closed already.
    [[nodiscard]] bool attach(const std::weak_ptr<Inbox>& inbox);

    // How long the oldest item has been waiting: 0 when there is none. Lock-free, for watchdogs.
    [[nodiscard]] Millis lag_ms() const noexcept;
    [[nodiscard]] Millis max_lag_ms() const noexcept { return max_lag_ms_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t depth() const noexcept { return depth_.load(std::memory_order_relaxed); }

private:
    explicit Port(std::shared_ptr<const base::EventFd> ring) noexcept;

    void silence();

    std::mutex mutex_;
    // Guarded by mutex_.
    std::shared_ptr<const base::EventFd> ring_;  // null after close(); shared with a push() that is about to ring it
    std::deque<Item> items_;
    std::vector<std::weak_ptr<Inbox>> inboxes_;

    std::atomic<int> fd_;
    std::atomic<std::size_t> depth_{0};
    std::atomic<Millis> waiting_since_ms_{0};  // steady clock; 0 = nothing waits
    std::atomic<Millis> max_lag_ms_{0};
};

}  // namespace khala::engine
