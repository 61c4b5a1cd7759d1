// The production store of many machines: Redis 7.0 or later, or Valkey.
//
// Everything of a namespace lies under one hash tag ("{khala}:"), so that every function reaches every queue of it;
// what the keys are is written in lua/context.lua. Functions run one at a time and whole, so each verb is atomic; what
// is acknowledged survives what the server's persistence survives (Level in options.hpp). The clock of leases and of
// wall time is the server's.
//
// A store and everything it returns belong to one thread, but for the marks.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "store/redis/options.hpp"
#include "store/store.hpp"

namespace khala::store {

using redis::RedisOptions;

// Connects. With options.clock every call brings that clock's times in place of the server's: for tests only, since
// clocks of several machines differ. Errors: as of redis::Link::connect().
[[nodiscard]] Result<std::unique_ptr<Store>> open_redis(const RedisOptions& options);

}  // namespace khala::store
