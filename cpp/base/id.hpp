// Job ids. They are opaque strings; this is only the default way to make one.
#pragma once

#include <string>

#include "base/rng.hpp"
#include "base/time.hpp"

namespace khala::base {

// A UUID version 7 (RFC 9562): 48 bits of milliseconds, 74 random bits, as 36 lower-case characters. The time in front
// only keeps index pages warm; nobody reads it back. Milliseconds outside 48 bits are cut to them.
[[nodiscard]] std::string uuid7(Millis now_ms, Rng& rng);

}  // namespace khala::base
