// Every size and count the project promises, in one place. Breaking one is an ErrorCode::invalid_argument that names
// the field and the limit; nothing is ever cut off silently.
#pragma once

#include <cstddef>
#include <cstdint>

namespace khala::base {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// Payloads: JSON bytes of a job's arguments. The default can be raised by configuration up to the hard limit.
inline constexpr std::size_t kPayloadDefaultBytes = 1 * kMiB;
inline constexpr std::size_t kPayloadHardBytes = 16 * kMiB;
inline constexpr std::size_t kPayloadDepth = 128;  // nesting of arrays and objects

// What a run leaves behind.
inline constexpr std::size_t kResultDefaultBytes = 1 * kMiB;
inline constexpr std::size_t kResultHardBytes = 16 * kMiB;
inline constexpr std::size_t kErrorTextBytes = 16 * kKiB;  // type, message and traceback of one attempt together
inline constexpr std::size_t kProgressMessageBytes = 1 * kKiB;
inline constexpr std::size_t kReasonBytes = 1 * kKiB;    // why a job was cancelled, moved, quarantined
inline constexpr std::size_t kHistoryAttempts = 32;      // attempts kept a job; the first and the latest

// Names and keys, in UTF-8 bytes.
inline constexpr std::size_t kIdBytes = 128;
inline constexpr std::size_t kNameBytes = 128;  // queue, task, worker, namespace, actor, tenant
inline constexpr std::size_t kKeyBytes = 256;   // unique, concurrency and rate keys
inline constexpr std::size_t kCorrelationIdBytes = 128;
inline constexpr std::size_t kHeaderCount = 32;
inline constexpr std::size_t kHeadersBytes = 8 * kKiB;  // all names and values of one job together

// One call.
inline constexpr std::size_t kBatchJobs = 10'000;
inline constexpr std::size_t kBatchBytes = 16 * kMiB;
inline constexpr std::size_t kListPage = 1'000;  // rows a list call returns at most; more by cursor

// A user's priority; larger runs sooner.
inline constexpr int kPriorityMin = 0;
inline constexpr int kPriorityMax = 255;

// Order keys and tokens stay below 2^53: every store, and every JSON reader, must hold them exactly.
inline constexpr std::int64_t kExactIntegerLimit = std::int64_t{1} << 53;

// Retry.
inline constexpr int kAttemptsMax = 1'000;
inline constexpr std::size_t kDelaysMax = 64;      // entries of an explicit delay list
inline constexpr std::size_t kErrorNamesMax = 64;  // error class names a policy includes or excludes
inline constexpr int kCrashLimit = 3;              // worker deaths a suspect may cause before it is quarantined

// Delays, timeouts and retention: ten years. Larger values are typing errors (seconds given as milliseconds).
inline constexpr std::int64_t kDurationMaxMs = std::int64_t{10} * 365 * 24 * 60 * 60 * 1'000;

}  // namespace khala::base
