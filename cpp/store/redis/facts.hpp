// What a server says about itself, and whether a job store can be trusted to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/redis/options.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/request.hpp"

namespace khala::store::redis {

struct ServerFacts {
    std::string product;  // "redis", "valkey"
    std::string version;  // of that product
    std::string run_id;   // another one after every start
    bool is_replica = false;
    bool is_cluster = false;
    int replicas = 0;
    std::int64_t maxmemory_bytes = 0;    // 0 = no limit
    std::int64_t used_memory_bytes = 0;  // as it is compared with maxmemory
    std::string eviction;                // maxmemory-policy; empty where the server hides it
    bool has_append_only = false;
    std::optional<std::string> fsync;  // appendfsync; nothing where CONFIG is forbidden
    int redis_major = 0;               // of the Redis version it is compatible with
};

// INFO and CONFIG GET appendfsync: two replies for read_facts().
void append_questions(Request& request);
// Errors: denied (INFO is forbidden), unavailable, unsupported (no Redis).
[[nodiscard]] Result<ServerFacts> read_facts(const Reply& info, const Reply& config);

// What acknowledged writes survive, by these facts and the level that was asked for.
[[nodiscard]] Durability durability_in_force(const ServerFacts& facts, const RedisOptions& options);

// Why no store may be opened there at all: unsupported (version, cluster), unavailable (a replica: it may be promoted).
[[nodiscard]] Status check_server(const ServerFacts& facts);
// Why new jobs must not be entrusted to it: unsupported, field "maxmemory-policy" (eviction) or "durability" (below the
// level asked for). Running jobs may still be settled.
[[nodiscard]] Status check_safety(const ServerFacts& facts, const RedisOptions& options);

}  // namespace khala::store::redis
