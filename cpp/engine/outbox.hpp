// What one turn of the engine has to say, collected per port, so that each port is locked and rung once a turn.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/inbox.hpp"
#include "engine/port.hpp"

namespace khala::engine {

// Belongs to the engine's thread.
class Outbox {
public:
    // From now on broadcasts reach the port.
    void meet(const std::shared_ptr<Port>& port) { static_cast<void>(lane(port)); }

    void add(const std::shared_ptr<Port>& port, Item item);
    void reply(const Address& to, Result<Answer> answer);
    void flush();

    // To every port that was ever met or spoken to and still lives; at once.
    void broadcast(const Error& fatal);

private:
    struct Lane {
        std::weak_ptr<Port> port;
        std::vector<Item> items;
    };
    [[nodiscard]] Lane& lane(const std::shared_ptr<Port>& port);

    std::vector<Lane> lanes_;  // one a loop: a handful, so a list beats a map
};

}  // namespace khala::engine
