// What the engine does by the clock, and when next.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "engine/deadlines.hpp"

namespace khala::engine {

enum class Chore : std::uint8_t {
    look,        // claim once, in case a wake-up was lost; also watched jobs
    reap,        // take back leases whose holder is dead or silent
    announce,    // say that this worker lives
    next_due,    // ask when the next scheduled job is due
    park,        // put aside ready jobs that no live worker knows
    prune,       // remove closed jobs whose time has come
    checkpoint,  // the store's own housekeeping
};
inline constexpr std::size_t kChoreCount = 7;
inline constexpr Millis kCheckpointIdleMs = 500;  // after the last write

class Agenda {
public:
    Agenda() { next_.fill(kNever); }

    void set(Chore chore, Millis at) noexcept { next_[index(chore)] = at; }
    void set_sooner(Chore chore, Millis at) noexcept { next_[index(chore)] = std::min(at, next_[index(chore)]); }
    void clear(Chore chore) noexcept { set(chore, kNever); }
    [[nodiscard]] Millis at(Chore chore) const noexcept { return next_[index(chore)]; }

    // The one that is longest overdue, or would be first.
    [[nodiscard]] Chore first() const noexcept {
        return static_cast<Chore>(std::min_element(next_.begin(), next_.end()) - next_.begin());
    }

private:
    static constexpr std::size_t index(Chore chore) noexcept { return static_cast<std::size_t>(chore); }

    std::array<Millis, kChoreCount> next_{};
};

}  // namespace khala::engine
