// One deadline for each slot.
//
// A flat table with a lower bound on its minimum, instead of a wheel or a heap: setting and clearing are one store, and
// the table is scanned only when the bound is reached. With every job under a time-out of t that is one scan of a few
// hundred numbers every t, however many thousand jobs a second come and go; a heap would pay a logarithm for each of
// them, a wheel a tick. The bound may be earlier than the earliest deadline (whose job has ended): the scan finds
// nothing due then and raises it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "base/time.hpp"

namespace khala::engine {

inline constexpr Millis kNever = std::numeric_limits<Millis>::max();

class Deadlines {
public:
    explicit Deadlines(std::size_t slots) : at_(slots, kNever) {}

    void set(std::size_t slot, Millis at) {
        at_[slot] = at;
        bound_ = std::min(bound_, at);
    }
    void clear(std::size_t slot) { at_[slot] = kNever; }

    // No deadline is earlier than this.
    [[nodiscard]] Millis bound() const noexcept { return bound_; }

    // Slots whose deadline has come, which are cleared.
    [[nodiscard]] std::vector<std::size_t> take_due(Millis now) {
        std::vector<std::size_t> due;
        if (now < bound_) {
            return due;
        }
        bound_ = kNever;
        for (std::size_t slot = 0; slot < at_.size(); ++slot) {
            if (at_[slot] <= now) {
                due.push_back(slot);
                at_[slot] = kNever;
            }
            bound_ = std::min(bound_, at_[slot]);
        }
        return due;
    }

private:
    std::vector<Millis> at_;
    Millis bound_ = kNever;
};

}  // namespace khala::engine
