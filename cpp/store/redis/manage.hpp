// What operators do, and what time does to closed jobs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

[[nodiscard]] Result<std::vector<Managed>> manage(Core& core, Verb verb, std::span<const std::string> ids,
                                                  const std::string& reason, const std::string& actor);
[[nodiscard]] Status change_queue(Core& core, const QueueChange& change);
[[nodiscard]] Result<std::int64_t> prune(Core& core, const Prune& rule);
[[nodiscard]] Result<std::vector<Store::OutboxRow>> outbox(Core& core, int limit);
[[nodiscard]] Status outbox_drop(Core& core, std::span<const std::int64_t> numbers);

}  // namespace khala::store::redis
