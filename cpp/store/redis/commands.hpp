// The one list of commands that the store sends or its functions run. What khala-jobs redis-acl prints, what the
// start-up check tries and what the tests compare the Lua files with is made from it.
#pragma once

#include <array>
#include <string_view>

namespace khala::store::redis {

// A command and arguments with which it can be queued in a transaction that is never executed: K is a key of ours, C a
// channel of ours.
inline constexpr auto kFunctionCommands = std::to_array<std::string_view>({
    "del K",       "exists K",      "hdel K x",  "hget K x",
    "hgetall K",   "hincrby K x 1", "hmget K x", "hset K x 1",
    "hlen K",      "llen K",        "lpush K x", "lrange K 0 0",
    "ltrim K 0 0", "publish C x",   "rpush K x", "sadd K x",
    "smembers K",  "srandmember K", "srem K x",  "time",
    "unlink K",    "zadd K 1 x",    "zcard K",   "zcount K 0 0",
    "zmscore K x", "zrange K 0 0",  "zrem K x",  "zremrangebyscore K 0 0",
    "zscore K x",
});

// What the connection itself needs besides. Some of them cannot be part of a transaction and show in their own replies.
inline constexpr auto kLinkCommands = std::to_array<std::string_view>({
    "fcall x 1 K",
    "hsetnx K x 1",
    "info",
    "ping",
    "subscribe C",
    "unsubscribe C",
    "wait 0 0",
});
inline constexpr auto kUnprobedCommands =
    std::to_array<std::string_view>({"client|setname", "discard", "multi", "select"});

// Only where the user is to load the function library itself, too.
inline constexpr auto kLoaderCommands = std::to_array<std::string_view>({"function|load"});
// Only where the user is to see how often the append-only file is synced.
inline constexpr auto kConfigCommands = std::to_array<std::string_view>({"config|get"});

}  // namespace khala::store::redis
