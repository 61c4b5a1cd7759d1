// One integer that orders the ready jobs of a namespace: ascending = sooner.
//
// strict: rank * 2^45 + sequence. A higher priority always goes first, equal priorities first in, first out.
// ageing: enqueued_at + rank * ageing_ms. A job overtakes one of the next higher priority once it has waited
//         ageing_ms longer, so nothing starves and no sweeper is needed.
// rank = 255 - priority. Every key is below 2^53, because one store keeps it as a double.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace khala::job {

inline constexpr int kSequenceBits = 45;
inline constexpr std::int64_t kOrderKeyLimit = std::int64_t{1} << 53;
inline constexpr int kPriorityMax = 255;
// 255 * kAgeingMax + a date of the year 10000 still fits below 2^53.
inline constexpr Millis kAgeingMaxMs = Millis{1} << 44;

// `sequence` in [0, 2^45), `priority` in [0, 255]; both are checked by the caller (asserted here).
[[nodiscard]] std::int64_t strict_order_key(int priority, std::int64_t sequence) noexcept;
[[nodiscard]] std::int64_t ageing_order_key(int priority, Millis enqueued_at, Millis ageing_ms) noexcept;

}  // namespace khala::job
