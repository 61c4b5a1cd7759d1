// The URL of a Redis store.
//
//   redis://[user[:password]@]host[:port][/db][?parameter=value&…]      plain TCP
//   rediss://…                                                          TLS
//   redis+unix:///path/to/socket[?db=1&user=…&password=…]               Unix socket
//
// Percent-encoding is undone in user, password, host, path and values. An IPv6 address stands in brackets. Without a
// port 6379, without a database number 1. Parameters:
//   prefix=khala           of every key; 1 to 64 bytes of letters, digits and ._-
//   durability=LEVEL       memory, disk_1s, disk or replicated(n): refuse to start below it
//   eviction=allow         start although the server may evict keys
//   connect_ms, silence_ms deadlines, 100 to 60000
//   ca_file, cert_file, key_file, server_name     TLS only; PEM files
//   db, user, password     Unix sockets only
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "store/redis/options.hpp"

namespace khala::store::redis {

// Nothing is opened or looked up. The error's sentence says what is wrong with the text and never quotes a password.
[[nodiscard]] Result<RedisOptions> parse_redis_url(std::string_view url);

}  // namespace khala::store::redis
