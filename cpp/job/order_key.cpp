#include "job/order_key.hpp"

#include <cassert>

#include "base/plant.hpp"

namespace khala::job {
namespace {

std::int64_t rank_of(int priority) noexcept {
    assert(priority >= 0 && priority <= kPriorityMax);
    if (KHALA_PLANT(order_key_upside_down)) {
        return priority;
    }
    return kPriorityMax - priority;
}

}  // namespace

std::int64_t strict_order_key(int priority, std::int64_t sequence) noexcept {
    assert(sequence >= 0 && sequence < (std::int64_t{1} << kSequenceBits));
    if (KHALA_PLANT(order_key_too_large)) {
        return (rank_of(priority) << (kSequenceBits + 4)) + sequence;
    }
    return (rank_of(priority) << kSequenceBits) + sequence;
}

std::int64_t ageing_order_key(int priority, Millis enqueued_at, Millis ageing_ms) noexcept {
    assert(ageing_ms > 0 && ageing_ms <= kAgeingMaxMs);
    return enqueued_at + rank_of(priority) * ageing_ms;
}

}  // namespace khala::job
