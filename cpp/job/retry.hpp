// Retry policies: data that travels with the job, so that any process can decide about any job.
//
// Text form (canonical JSON, the only form that is stored):
//   {"kind":"exponential","max":3,"base_ms":1000,"factor":2,"cap_ms":3600000,"jitter":"full",
//    "on":["ConnectionError"],"not_on":["ValueError"]}
//   kinds: none | fixed | linear | exponential | delays ("delays_ms":[60000,300000,1800000])
// Error classes are matched by name over the names of the error's base classes (its MRO, most derived first):
// `not_on` wins over `on`; an empty `on` means every class.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace khala::job {

enum class Backoff : std::uint8_t { none, fixed, linear, exponential, delays };
enum class Jitter : std::uint8_t {
    none,
    full,
    equal
};  // full: U(0,d); equal: d/2 + U(0,d/2); never on explicit delays

struct RetryPolicy {
    Backoff kind = Backoff::none;
    int max_retries = 0;  // max_retries + 1 runs may end in an error
    Millis base_ms = 0;
    double factor = 2.0;  // exponential: base * factor^(n-1)
    Millis cap_ms = 0;    // 0 = kBackoffCapMs
    Jitter jitter = Jitter::none;
    std::vector<Millis> delays_ms;  // delays: the n-th retry waits the n-th entry, later ones the last
    std::vector<std::string> on;
    std::vector<std::string> not_on;
};

inline constexpr Millis kBackoffCapMs = Millis{366} * 24 * 3600 * 1000;
inline constexpr std::size_t kDelaysCount = 64;
inline constexpr std::size_t kErrorNamesCount = 64;

// Refuses unknown kinds, negative durations, factor < 1, too many entries; names the field.
[[nodiscard]] Result<RetryPolicy> parse_retry(std::string_view text);
[[nodiscard]] std::string to_text(const RetryPolicy& policy);

// Does the policy cover an error with these class names (MRO, most derived first)?
[[nodiscard]] bool covers(const RetryPolicy& policy, const std::vector<std::string>& error_mro) noexcept;

// Wait before retry number `n` (1 = the first). Saturates at the cap; never overflows for any n.
[[nodiscard]] Millis backoff_ms(const RetryPolicy& policy, int n, Rng& rng) noexcept;

}  // namespace khala::job
