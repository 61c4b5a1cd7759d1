// Every size and count the project promises, in one place. Breaking one is an ErrorCode::invalid_argument that names
// the field and the limit; nothing is ever cut off silently.
// What belongs to one concept only (order keys, retry policies) has its limits in that concept's header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace khala {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// Payloads: JSON bytes of a job's arguments. The default can be raised by configuration up to the hard limit.
inline constexpr std::size_t kPayloadBytes = 1 * kMiB;
inline constexpr std::size_t kPayloadHardBytes = 16 * kMiB;
inline constexpr std::size_t kPayloadDepth = 128;  // nesting of arrays and objects

// What a run leaves behind.
inline constexpr std::size_t kResultBytes = 1 * kMiB;
inline constexpr std::size_t kResultHardBytes = 16 * kMiB;
inline constexpr std::size_t kErrorTextBytes = 16 * kKiB;  // type, message and traceback of one attempt together
inline constexpr std::size_t kProgressMessageBytes = 1 * kKiB;
inline constexpr std::size_t kReasonBytes = 1 * kKiB;  // why a job was cancelled, moved, quarantined
inline constexpr std::size_t kHistoryCount = 32;       // attempts kept a job, the latest

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

// Delays, timeouts and retention: ten years. Larger values are typing errors (seconds given as milliseconds).
inline constexpr std::int64_t kDurationMaxMs = std::int64_t{10} * 365 * 24 * 60 * 60 * 1'000;

}  // namespace khala
