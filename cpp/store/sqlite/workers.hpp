// Workers that said what they know, and jobs that wait for one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Status announce(Write& write, const WorkerInfo& worker);
[[nodiscard]] Status retire(Write& write, const std::string& worker);

// In a read transaction.
[[nodiscard]] Result<std::vector<WorkerInfo>> workers(Core& core);
[[nodiscard]] Result<std::vector<Lease>> unroutable(Core& core, std::span<const std::string> queues, int limit);
[[nodiscard]] Result<Millis> next_due(Core& core, std::span<const std::string> queues);

}  // namespace khala::store::sqlite
