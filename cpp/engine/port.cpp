#include "engine/port.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/inbox.hpp"

namespace khala::engine {

namespace {

// Loops are watched in real time, whatever clock the store uses.
Millis steady_ms() noexcept {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

bool taken_back(const Item& item) noexcept {
    const auto* delivery = std::get_if<std::shared_ptr<Delivery>>(&item);
    return delivery != nullptr && (*delivery)->revoked();
}

}  // namespace

Port::Port(std::shared_ptr<const base::EventFd> ring) noexcept : ring_{std::move(ring)}, fd_{ring_->fd()} {}

Result<std::shared_ptr<Port>> Port::create() {
    KHALA_TRY_ASSIGN(base::EventFd ring, base::EventFd::create());
    auto shared = std::make_shared<const base::EventFd>(std::move(ring));
    return std::shared_ptr<Port>{new Port{std::move(shared)}};  // the constructor is private: make_shared cannot
}

std::vector<Item> Port::drain(std::size_t limit) {
    std::vector<Item> taken;
    const std::lock_guard lock{mutex_};
    if (items_.empty()) {
        silence();
        return taken;
    }
    const Millis now = steady_ms();
    const Millis lag = now - waiting_since_ms_.load(std::memory_order_relaxed);
    const std::size_t count = std::min(limit, items_.size());
    taken.reserve(count + 1);
    if (lag > kLagMs) {
        max_lag_ms_.store(std::max(lag, max_lag_ms()), std::memory_order_relaxed);
        taken.emplace_back(Lag{lag});
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (!taken_back(items_.front())) {
            taken.push_back(std::move(items_.front()));
        }
        items_.pop_front();
    }
    if (items_.empty()) {
        silence();
    }
    waiting_since_ms_.store(items_.empty() ? 0 : now, std::memory_order_relaxed);
    depth_.store(items_.size(), std::memory_order_relaxed);
    return taken;
}

void Port::push(std::vector<Item>& items) {
    if (items.empty()) {
        return;
    }
    std::shared_ptr<const base::EventFd> ring;
    {
        const std::lock_guard lock{mutex_};
        if (ring_) {
            const bool was_empty = items_.empty();
            for (Item& item : items) {
                items_.push_back(std::move(item));
            }
            depth_.store(items_.size(), std::memory_order_relaxed);
            if (was_empty) {
                waiting_since_ms_.store(steady_ms(), std::memory_order_relaxed);
                ring = ring_;
            }
        }
    }
    items.clear();
    if (ring) {
        ring->notify();  // not under the lock: on one core the loop wakes at once, and would wait for it
    }
}

// No item is left. A push whose item was taken already may still ring: the loop then finds nothing, and comes here.
void Port::silence() {
    if (ring_) {
        static_cast<void>(ring_->drain());
    }
}

void Port::close(const std::shared_ptr<Port>& port) {
    std::vector<std::weak_ptr<Inbox>> inboxes;
    std::deque<Item> dropped;  // destroyed outside the lock
    {
        const std::lock_guard lock{port->mutex_};
        if (!port->ring_) {
            return;
        }
        port->ring_.reset();
        port->fd_.store(-1, std::memory_order_relaxed);
        port->waiting_since_ms_.store(0, std::memory_order_relaxed);
        port->depth_.store(0, std::memory_order_relaxed);
        dropped.swap(port->items_);
        inboxes.swap(port->inboxes_);
    }
    for (const auto& weak : inboxes) {
        if (const auto inbox = weak.lock()) {
            static_cast<void>(inbox->post(PortClosed{port}));  // refused by a closed engine: it holds nothing any more
        }
    }
}

bool Port::attach(const std::weak_ptr<Inbox>& inbox) {
    const std::lock_guard lock{mutex_};
    if (!ring_) {
        return false;
    }
    const auto is_same = [&inbox](const auto& known) {
        return !known.owner_before(inbox) && !inbox.owner_before(known);
    };
    if (std::none_of(inboxes_.begin(), inboxes_.end(), is_same)) {
        inboxes_.push_back(inbox);
    }
    return true;
}

Millis Port::lag_ms() const noexcept {
    const Millis since = waiting_since_ms_.load(std::memory_order_relaxed);
    return since == 0 ? 0 : std::max<Millis>(0, steady_ms() - since);
}

}  // namespace khala::engine
