// How to reach a Redis or Valkey server, and what is asked of it. The text form is in url.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace khala::store::redis {

// What an acknowledged write survives. Ascending, so that levels compare: `disk` satisfies a wish for `disk_1s`.
//   memory      nothing: the server keeps no log, or one that is written now and then (snapshots)
//   disk_1s     the death of the server process; a power cut costs the last second (append-only file, everysec)
//   disk        a power cut (append-only file, always)
//   replicated  a failover to one of `replicas` replicas, each of which has confirmed the write (WAIT)
enum class Level : std::uint8_t { memory, disk_1s, disk, replicated };

struct Durability {
    Level level = Level::memory;
    int replicas = 0;  // of `replicated` only

    friend bool operator==(const Durability&, const Durability&) = default;
};

inline constexpr int kReplicasMax = 9;

// "memory", "disk_1s", "disk", "replicated(2)"; what receipts, `doctor` and the URL say.
[[nodiscard]] std::string to_text(Durability durability);
[[nodiscard]] std::optional<Durability> durability_from_text(std::string_view text);

struct TlsOptions {
    bool enabled = false;
    std::string ca_file;      // PEM; empty = the system's trust store
    std::string cert_file;    // PEM, of this client, with its chain; empty = none
    std::string key_file;     // PEM, of cert_file; empty = in cert_file
    std::string server_name;  // the name the certificate must have; empty = host
};

struct RedisOptions {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string unix_path;  // not empty: used instead of host and port
    int db = 1;
    std::string user;      // empty = "default"
    std::string password;  // empty = none asked for; never part of an error or a log line
    TlsOptions tls;

    std::string prefix = "khala";          // every key is "{prefix}:…": one hash slot
    std::optional<Durability> durability;  // refuse to start below it; nothing = what the server gives
    bool allow_eviction = false;           // start although the server may evict keys

    Millis connect_ms = 5'000;  // name look-up, connection, TLS and greeting together
    Millis silence_ms = 5'000;  // the longest wait for the next byte of a reply, or for room to write

    // Where the processes of this machine tell each other how they are (neighbours.hpp); empty = /dev/shm/khala-<uid>.
    std::string neighbours_directory;

    const Clock* clock = nullptr;  // outlives the store; nullptr = SystemClock
    // Waiting ends with ErrorCode::interrupted (unknown_outcome when something was sent) once this is true. Never
    // written here. Outlives the store.
    const std::atomic<bool>* interrupt = nullptr;
};

// For people and logs: "redis://host:6379/1", "rediss://…", "redis+unix:///run/redis.sock?db=1". Without user, password
// and parameters.
[[nodiscard]] std::string location(const RedisOptions& options);

}  // namespace khala::store::redis
