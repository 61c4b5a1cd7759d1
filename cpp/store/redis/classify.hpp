// What an error reply means for a caller.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/redis/reply.hpp"

namespace khala::store::redis {

// Nothing of a command that was refused with one of these has happened.
//   store_full   OOM
//   unavailable  LOADING, MASTERDOWN, READONLY, NOREPLICAS, MISCONF, CLUSTERDOWN, TRYAGAIN, too many clients: the
//   server
//                will serve again, by itself or after its administrator's act
//   busy         BUSY: another client's script
//   denied       NOAUTH, WRONGPASS, NOPERM (the sentence names the command or key)
//   not_found    NOSCRIPT, a function that is not loaded; field "library"
//   unsupported  MOVED, ASK, CROSSSLOT (a cluster), unknown commands (an old server)
//   corrupt      WRONGTYPE: a foreign key where one of ours should be
//   internal     anything else: a bug of ours or a foreign error, quoted
// reply.is_error() must hold.
[[nodiscard]] Error classify(const Reply& reply);
// Of a command on one key: a foreign value there is named.
[[nodiscard]] Error classify(const Reply& reply, std::string_view key);

// NOSCRIPT, or a function that the server does not have: loading the library and asking again helps.
[[nodiscard]] bool is_missing_library(const Reply& reply) noexcept;

// FCALL is not there: scripts are to be used.
[[nodiscard]] bool is_without_functions(const Reply& reply) noexcept;

// A foreign text made fit for a log line: what is not printable ASCII becomes '?', long ones end in "...".
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace khala::store::redis
