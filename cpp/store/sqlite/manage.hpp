// What operators do to jobs and queues.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Result<std::vector<Managed>> manage(Write& write, Verb verb, std::span<const std::string> ids,
                                                  const std::string& reason, const std::string& actor);
[[nodiscard]] Status change_queue(Write& write, const QueueChange& change);
[[nodiscard]] Result<std::int64_t> prune(Write& write, const Prune& rule);
[[nodiscard]] Status outbox_drop(Write& write, std::span<const std::int64_t> numbers);

}  // namespace khala::store::sqlite
