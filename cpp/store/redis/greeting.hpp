// The first words on every connection: who we are and which database we mean.
#pragma once

#include "base/result.hpp"
#include "store/redis/options.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/request.hpp"

namespace khala::store::redis {

// AUTH (if there is a password), SELECT, CLIENT SETNAME "khala:<pid>", PING.
void append_greeting(Request& request, const RedisOptions& options);

// What one of the replies to it means; the last one must be a PONG. Errors as of classify(), and unsupported for what
// is no Redis; never with the password.
[[nodiscard]] Status check_greeting(const Reply& reply, bool is_last, const RedisOptions& options);

}  // namespace khala::store::redis
