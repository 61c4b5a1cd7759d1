// Named places where a test can make the process die, stop, wait or fail.
//
//     KHALA_FAILPOINT("claim.before_commit");                                   // may kill, stop or sleep
//     if (KHALA_FAILPOINT_FAILS("claim.write")) { return Error{...}; }          // may, besides, say "fail here"
//
// Both cost one relaxed load while nothing is armed, and compile to nothing in builds without KHALA_FAILPOINTS
// (release and the wheel). Points are armed from the environment at the first hit, or by configure_failpoints:
//
//     KHALA_FAILPOINTS="claim.before_commit=kill@3;settle.after_commit=stop;claim.write=error;renew=sleep:50"
//
//   kill   SIGKILL to this process           error     the point reports failure (KHALA_FAILPOINT_FAILS only)
//   stop   SIGSTOP to this process           sleep:ms  the calling thread sleeps
//   off    nothing; the point is counted
// `@n` acts on the n-th hit only (from 1); without it the action is taken at every hit. While anything is armed every
// point that is passed is counted, named in the list or not, so that a test can ask which ones a run goes through.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace khala::base {

// Replaces all armed points and resets the counts; "" disarms. The error names the entry that is wrong.
// In a build without failpoints: ErrorCode::unsupported. Thread-safe.
Status configure_failpoints(std::string_view spec);

// Hits of every point since the last configuration, while armed. Thread-safe.
[[nodiscard]] std::map<std::string, std::uint64_t> failpoint_hits();

namespace detail {

enum class FailpointUse : std::uint8_t { pass, may_fail };

// True when the armed action is `error`. A point that cannot fail and is told to aborts: the test is wrong.
bool hit_failpoint(std::string_view name, FailpointUse use);

}  // namespace detail
}  // namespace khala::base

#if defined(KHALA_FAILPOINTS)
#define KHALA_FAILPOINT(name) \
    static_cast<void>(::khala::base::detail::hit_failpoint(name, ::khala::base::detail::FailpointUse::pass))
#define KHALA_FAILPOINT_FAILS(name) \
    ::khala::base::detail::hit_failpoint(name, ::khala::base::detail::FailpointUse::may_fail)
#else
#define KHALA_FAILPOINT(name) static_cast<void>(0)
#define KHALA_FAILPOINT_FAILS(name) false
#endif
