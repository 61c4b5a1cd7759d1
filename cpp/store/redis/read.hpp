// Reading: rows, counts, events, lists. Nothing here writes. Errors: of the connection, and corrupt.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

// A row, and the record that it was read from: what a change is made on top of.
struct ReadRow {
    JobRow row;
    std::string record;
    bool sound = true;  // it could be read and, if `whole`, its checksum fits
};
// In the order of the ids; payload and headers only if `whole`.
[[nodiscard]] Result<std::vector<std::optional<ReadRow>>> read_rows(Core& core, std::span<const std::string> ids,
                                                                    bool whole, bool with_history);
// {id, record, asked, terms} each, as leases without payload and headers; what cannot be read is left out.
[[nodiscard]] std::vector<Lease> slim_leases(std::span<const Reply> rows);

[[nodiscard]] Result<std::vector<std::optional<JobRow>>> get(Core& core, std::span<const std::string> ids,
                                                             bool with_history);
[[nodiscard]] Result<ListPage> list(Core& core, const ListQuery& query);
[[nodiscard]] Result<std::vector<QueueCounts>> counts(Core& core, const std::string& queue);
[[nodiscard]] Result<std::vector<TaskCounters>> task_counters(Core& core);
[[nodiscard]] Result<std::vector<Event>> events(Core& core, const std::string& queue, std::int64_t after, int limit);
[[nodiscard]] Result<Millis> next_due(Core& core, std::span<const std::string> queues);
[[nodiscard]] Result<std::vector<std::string>> check(Core& core);

// The index of all jobs by ref: lua/fresh.lua. Numbers of its parts from `edge` on (as of ZRANGE BYSCORE), some; none
// at the end.
[[nodiscard]] std::int64_t part_of(Ref ref) noexcept;
[[nodiscard]] Result<std::vector<std::string>> parts(Core& core, const std::string& edge, bool backwards);
[[nodiscard]] Result<std::vector<std::string>> ids_of_part(Core& core, const std::string& part);

// The ref of "<13 digits><id>"; 0 when it is no member.
[[nodiscard]] Ref ref_of_member(std::string_view member) noexcept;
[[nodiscard]] std::string_view id_of_member(std::string_view member) noexcept;

}  // namespace khala::store::redis
