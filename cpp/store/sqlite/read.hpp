// Looking: one snapshot each, no locks, no writes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/core.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Result<std::vector<std::optional<JobRow>>> get(Core& core, std::span<const std::string> ids,
                                                             bool with_history);
[[nodiscard]] Result<std::vector<QueueCounts>> counts(Core& core, const std::string& queue);
[[nodiscard]] Result<std::vector<TaskCounters>> task_counters(Core& core);
[[nodiscard]] Result<std::vector<Event>> events(Core& core, const std::string& queue, std::int64_t after, int limit);
[[nodiscard]] Result<std::vector<Store::OutboxRow>> outbox(Core& core, int limit);

// A job with everything that is known of it; the ref is one of `job`.
[[nodiscard]] Result<std::optional<JobRow>> read_job(Core& core, Ref ref, bool with_history);

// After kExaminedMost rows that do not match, a page ends early, with a cursor: nobody waits for long.
inline constexpr std::size_t kExaminedMost = 20'000;
[[nodiscard]] Result<ListPage> list(Core& core, const ListQuery& query);

}  // namespace khala::store::sqlite
