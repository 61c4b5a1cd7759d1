// Retry policies: data that travels with the job, so that any process can decide about any job.
//
// Text form (JSON; to_text makes the canonical one):
//   {"kind":"exponential","max":3,"base_ms":1000,"factor":2,"cap_ms":3600000,"jitter":"full",
//    "on":["ConnectionError"],"not_on":["ValueError"]}
//   kind      none | fixed | linear | exponential | delays. The wait before retry n is base_ms | base_ms * n |
//             base_ms * factor^(n-1) | the n-th of delays_ms, later ones the last. none: never retried
//   max       retries, max + 1 runs may end in an error
//   delays_ms for `delays`, as [60000,300000,1800000]
//   cap_ms    longest wait; absent or 0 = kBackoffCapMs
//   jitter    none | full (0 to d) | equal (d/2 to d); explicit delays have none
//   on        error classes that are retried, absent or empty = all; not_on: those that are not, wins over `on`
// Error classes are matched by name over the names of the error's base classes (its MRO, most derived first).
// Unknown fields are refused (a misspelt limit is not silently no limit), and so are retries of kind none and jitter of
// explicit delays; other fields that a kind does not use are left out of the canonical text.
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
enum class Jitter : std::uint8_t { none, full, equal };

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

    friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

inline constexpr Millis kBackoffCapMs = Millis{366} * 24 * 3600 * 1000;
inline constexpr int kRetriesMax = 1'000'000;
inline constexpr std::size_t kDelaysCount = 64;
inline constexpr std::size_t kErrorNamesCount = 64;

// The error names the field ("retry.max") and the limit.
[[nodiscard]] Result<RetryPolicy> parse_retry(std::string_view text);
[[nodiscard]] std::string to_text(const RetryPolicy& policy);

// Does the policy cover an error with these class names (MRO, most derived first)?
[[nodiscard]] bool covers(const RetryPolicy& policy, const std::vector<std::string>& error_mro) noexcept;

// Wait before retry number `n` (1 = the first). Saturates at the cap; never overflows for any n.
[[nodiscard]] Millis backoff_ms(const RetryPolicy& policy, int n, Rng& rng) noexcept;

}  // namespace khala::job
