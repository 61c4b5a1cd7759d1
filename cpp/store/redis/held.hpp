// The leases that this store gave out and nobody has settled, as far as it knows: what it takes to say how a completion
// leaves a job. A hint: whoever is not in it, or stands otherwise by now, is settled the general way.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "store/redis/pack.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

class HeldLeases {
public:
    static constexpr std::size_t kMost = 20'000;

    void add(Held held) {
        if (held_.size() >= kMost) {  // many of them were lost
            held_.clear();
        }
        const Token token = held.standing.token;
        held_.insert_or_assign(token, std::move(held));
    }

    // The lease that a move ends, which is forgotten; nothing unless it is a plain completion of one that is known.
    std::optional<Held> take(const Move& move) {
        const auto found = move.from == State::running ? held_.find(move.token) : held_.end();
        if (found == held_.end()) {
            return std::nullopt;
        }
        Held held = std::move(found->second);
        held_.erase(found);
        const bool plain = move.to == State::completed && move.ending == job::Ending::completed &&
                           move.lease_until == 0 && move.reason.empty() && move.error.empty() && move.outbox.empty() &&
                           move.ref == held.ref && move.attempt == held.standing.attempt;
        return plain ? std::optional{std::move(held)} : std::nullopt;
    }

private:
    std::unordered_map<Token, Held> held_;
};

}  // namespace khala::store::redis
