// Least privilege: what a user must be allowed, said as the administrator's command, and what this user is not allowed,
// found out without doing any of it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/redis/link.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/request.hpp"

namespace khala::store::redis {

struct AclWish {
    std::string user = "khala";
    std::string prefix = "khala";
    bool may_load = false;         // the function library as well; otherwise an administrator loads it
    bool may_read_config = false;  // so that durability can be told where the append-only file is used
};

// "ACL SETUSER khala on >PASSWORD resetkeys resetchannels -@all ~{khala}:* &{khala}:* +del …". One line; the password
// is left to the reader.
[[nodiscard]] std::string acl_line(const AclWish& wish);

// Queues every command of commands.hpp in a transaction that is then discarded: the server checks the user's rights for
// each and runs none. The replies start at the one to MULTI; check_rights() takes them. Errors: denied, naming what
// lacks and the command by which an administrator gives it.
void append_rights(Request& request, const RedisOptions& options);
[[nodiscard]] Status check_rights(std::span<const Reply> replies, const RedisOptions& options);

}  // namespace khala::store::redis
