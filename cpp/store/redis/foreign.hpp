// Keys of ours at which a value of another type stands: whoever meets one is refused, and the server does not say which
// it was. Errors: of the connection.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/redis/core.hpp"

namespace khala::store::redis {

// A sentence for each: of those that are known by the names of queues and tasks and, where this user may SCAN, of all
// that are named as ours. By key.
[[nodiscard]] Result<std::vector<std::string>> foreign_keys(Core& core);
// Of these, without the prefix; what is no name of ours is left out.
[[nodiscard]] Result<std::vector<std::string>> foreign_among(Core& core, std::span<const std::string> names);

}  // namespace khala::store::redis
