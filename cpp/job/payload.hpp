// Checks at the door: what is refused here never reaches a store, and the caller is told the field and the limit.
//
// Payloads are checked with simdjson: valid UTF-8, valid JSON, size, depth, no NaN or Infinity (JSON has none), no
// escaped lone surrogates (they have no UTF-8), integers within 64 bits, floats that a double can hold. Duplicate keys
// are not looked for (the last one wins, as everywhere). Nothing here recurses, so depth costs no stack.
// Thread-safe: each thread keeps one parser, of a size that suits small documents.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "job/job.hpp"

namespace khala::job {

struct PayloadLimits {
    std::size_t size_bytes = kPayloadBytes;
    std::size_t depth = kPayloadDepth;
};

// `field` is the name used in the message: "payload", "result", "headers". Depth counts arrays and objects: [[1]]
// has 2.
[[nodiscard]] Status check_json(std::string_view text, std::string_view field, const PayloadLimits& limits = {});

// Ids and names: 1..128 bytes of valid UTF-8 without control characters and without marks that turn the direction of
// text (what an operator reads must be what is there).
[[nodiscard]] Status check_name(std::string_view text, std::string_view field);
// The same with a limit of its own; empty is allowed.
[[nodiscard]] Status check_label(std::string_view text, std::string_view field, std::size_t limit_bytes);

// Latest point in time that is accepted: the end of the year 9999.
inline constexpr Millis kTimeMaxAt = 253'402'300'799'999;

// Everything about a new job: names, payload (an object or array), headers (an object of strings), priority, times,
// retry policy.
[[nodiscard]] Status check_new_job(const NewJob& job, const PayloadLimits& limits = {});

}  // namespace khala::job
