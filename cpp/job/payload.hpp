// Checks at the door: what is refused here never reaches a store, and the caller is told the field and the limit.
//
// Payloads are checked with simdjson: valid UTF-8, valid JSON, size, depth, no NaN or Infinity (JSON has none, so
// they are syntax errors), integers within 64 bits, no duplicate keys are looked for (last one wins, as everywhere).
// Thread-safe: each thread keeps one parser.
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

// `field` is the name used in the message: "payload", "result", "headers".
[[nodiscard]] Status check_json(std::string_view text, std::string_view field, const PayloadLimits& limits = {});

// Ids and names: 1..128 bytes of valid UTF-8 without control characters.
[[nodiscard]] Status check_name(std::string_view text, std::string_view field);

// Everything about a new job: names, payload, headers, priority, times, retry policy.
[[nodiscard]] Status check_new_job(const NewJob& job, const PayloadLimits& limits = {});

}  // namespace khala::job
