#include "store/redis/facts.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "store/redis/classify.hpp"

namespace khala::store::redis {
namespace {

constexpr int kRedisMajor = 7;  // the first with Functions

// The value of a line "name:value"; empty when there is none.
std::string_view line_of(std::string_view info, std::string_view name) {
    std::size_t at = 0;
    while (at < info.size()) {
        const auto end = std::min(info.find("\r\n", at), info.size());
        const std::string_view line = info.substr(at, end - at);
        if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
            return line.substr(name.size() + 1);
        }
        at = end + 2;
    }
    return {};
}

template <typename Integer>
Integer number_of(std::string_view text) {
    Integer value{};
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Status refuse(std::string_view field, std::string message) {
    return Error{ErrorCode::unsupported, std::string{field}, std::move(message)};
}

}  // namespace

void append_questions(Request& request) {
    request.command(1).add("INFO");
    request.command(3).add("CONFIG").add("GET").add("appendfsync");
}

Result<ServerFacts> read_facts(const Reply& info, const Reply& config) {
    if (info.is_error()) {
        return classify(info);
    }
    const std::string_view text = info.text();
    ServerFacts facts;
    const std::string_view redis_version = line_of(text, "redis_version");
    const std::string_view valkey_version = line_of(text, "valkey_version");
    if (redis_version.empty()) {
        return Error{ErrorCode::unsupported, "server", "what answers there says nothing of a Redis version"};
    }
    facts.product = valkey_version.empty() ? "redis" : "valkey";
    facts.version = printable(valkey_version.empty() ? redis_version : valkey_version);
    facts.redis_major = number_of<int>(redis_version);
    facts.run_id = printable(line_of(text, "run_id"));
    facts.is_replica = line_of(text, "role") == "slave";
    facts.is_cluster = line_of(text, "cluster_enabled") == "1";
    facts.replicas = number_of<int>(line_of(text, "connected_slaves"));
    facts.maxmemory_bytes = number_of<std::int64_t>(line_of(text, "maxmemory"));
    facts.used_memory_bytes = number_of<std::int64_t>(line_of(text, "used_memory")) -
                              number_of<std::int64_t>(line_of(text, "mem_not_counted_for_evict"));
    facts.eviction = printable(line_of(text, "maxmemory_policy"));
    facts.has_append_only = line_of(text, "aof_enabled") == "1";
    if (const auto pair = config.elements(); pair.size() == 2) {
        facts.fsync = printable(pair[1].text());
    }
    return facts;
}

Durability durability_in_force(const ServerFacts& facts, const RedisOptions& options) {
    if (options.durability && options.durability->level == Level::replicated &&
        facts.replicas >= options.durability->replicas) {
        return *options.durability;
    }
    if (!facts.has_append_only) {
        return {.level = Level::memory};
    }
    if (!facts.fsync) {
        return {.level = Level::disk_1s};  // the server's default; describe() says that it was not seen
    }
    if (*facts.fsync == "always") {
        return {.level = Level::disk};
    }
    return {.level = *facts.fsync == "everysec" ? Level::disk_1s : Level::memory};
}

Status check_server(const ServerFacts& facts) {
    if (facts.is_cluster) {
        return refuse("cluster",
                      "the server runs in cluster mode, which is not supported; use one without cluster-enabled");
    }
    if (facts.redis_major < kRedisMajor) {
        return refuse("server", facts.product + " " + facts.version + " is too old: Redis 7.0 or Valkey is needed");
    }
    if (facts.is_replica) {
        return Error{ErrorCode::unavailable, "server", "the server is a read-only replica; connect to the primary"};
    }
    return {};
}

Status check_safety(const ServerFacts& facts, const RedisOptions& options) {
    if (!facts.eviction.empty() && facts.eviction != "noeviction" && !options.allow_eviction) {
        return refuse("maxmemory-policy", "the server may evict jobs to make room: its maxmemory-policy is " +
                                              facts.eviction +
                                              "; an administrator sets it with: CONFIG SET maxmemory-policy noeviction "
                                              "(or the URL says eviction=allow, and jobs may be lost)");
    }
    if (!options.durability) {
        return {};
    }
    const Durability wanted = *options.durability;
    const Durability given = durability_in_force(facts, options);
    if (wanted.level == Level::replicated && given != wanted) {
        return refuse("durability", "the URL asks for durability=" + to_text(wanted) + ", but the server has " +
                                        std::to_string(facts.replicas) + " replicas");
    }
    if (given.level >= wanted.level) {
        return {};
    }
    const std::string why = !facts.has_append_only ? "its append-only file is off"
                            : facts.fsync          ? "its appendfsync is " + *facts.fsync
                                                   : "this user may not read its appendfsync (grant +config|get)";
    return refuse("durability", "the URL asks for durability=" + to_text(wanted) + ", but the server gives " +
                                    to_text(given) + ": " + why);
}

}  // namespace khala::store::redis
