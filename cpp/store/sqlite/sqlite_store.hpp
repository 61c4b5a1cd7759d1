// The production store: one SQLite file, shared by any number of processes of one machine.
//
// Beside `<db>` (mode 0600) live SQLite's own `<db>-wal` and `<db>-shm`, and the directory `<db>-khala/` (mode 0700)
// with the writer lock, the bells and the liveness files. All of it belongs to the store; none of it may be moved,
// copied or deleted while a process has the store open (a replaced file is noticed and refused).
//
// A store and everything it returns belong to one thread. After fork() the child must not use it: every verb answers
// ErrorCode::forked there, and the child's copies of the locks are closed by an atfork handler.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

namespace khala::store {

// When an answer may be given. `full`: after the commit is on the disk, so that not even a power cut loses what was
// acknowledged. `normal`: after it is with the operating system; a power cut may lose the last commits (never the
// file's integrity), a killed process nothing.
enum class Synchronous : std::uint8_t { full, normal };

struct SqliteOptions {
    std::string path;  // of the database file; relative to the working directory at open
    Synchronous synchronous = Synchronous::full;
    bool create = true;            // make the file and its directory when there are none
    const Clock* clock = nullptr;  // outlives the store; nullptr = SystemClock
    // Waiting for other writers ends with ErrorCode::interrupted once this is true. Outlives the store. The store never
    // writes it, so that the last acts of a shutdown are possible after resetting it.
    const std::atomic<bool>* interrupt = nullptr;
    Millis lock_wait_ms = 60'000;             // the longest wait for other writers before ErrorCode::busy
    std::int64_t wal_limit_bytes = 64 << 20;  // a commit that leaves the log longer than this checkpoints at once
};

// "sqlite:///relative.db", "sqlite:////absolute.db", either with "?synchronous=full|normal". The error's sentence says
// what is wrong with the text; nothing is opened.
[[nodiscard]] Result<SqliteOptions> parse_sqlite_url(std::string_view url);

// Opens, creates or migrates the store. Errors: io, unsupported (network file system), corrupt (not a database),
// schema (newer than this code, or not ours), busy, interrupted.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options);

// For the supervisor that is about to end a worker process of its own: marks the process's liveness records explained,
// so that nobody is blamed for its death. False when that process has no store open here.
[[nodiscard]] bool explain_death(const std::string& path, std::int64_t pid);

}  // namespace khala::store
