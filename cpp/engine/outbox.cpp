#include "engine/outbox.hpp"

#include <algorithm>

namespace khala::engine {

Outbox::Lane& Outbox::lane(const std::shared_ptr<Port>& port) {
    for (Lane& known : lanes_) {
        // Identity by control block: neither locks nor touches the count.
        if (!known.port.owner_before(port) && !port.owner_before(known.port)) {
            return known;
        }
    }
    return lanes_.emplace_back(Lane{.port = port, .items = {}});
}

void Outbox::add(const std::shared_ptr<Port>& port, Item item) {
    if (port != nullptr) {
        lane(port).items.push_back(std::move(item));
    }
}

void Outbox::reply(const Address& to, Result<Answer> answer) {
    add(to.port, Reply{.ticket = to.ticket, .answer = std::move(answer)});
}

void Outbox::flush() {
    bool gone = false;
    for (Lane& lane : lanes_) {
        if (const auto port = lane.port.lock()) {
            port->push(lane.items);
        } else {
            gone = true;
        }
    }
    if (gone) {
        std::erase_if(lanes_, [](const Lane& lane) { return lane.port.expired(); });
    }
}

void Outbox::broadcast(const Error& fatal) {
    for (Lane& lane : lanes_) {
        lane.items.emplace_back(Fatal{fatal});
    }
    flush();
}

}  // namespace khala::engine
