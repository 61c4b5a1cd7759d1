// What the verbs of the store work on: the connection with its statements, and the store's place on the machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/sqlite/bell.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/fork.hpp"
#include "store/sqlite/liveness.hpp"
#include "store/sqlite/location.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "store/sqlite/statements.hpp"
#include "store/sqlite/terms.hpp"
#include "store/sqlite/writer_lock.hpp"

namespace khala::store::sqlite {

struct Core {
    SqliteOptions options;
    const Clock* clock = nullptr;
    std::uint64_t fork_generation = 0;
    Location location;
    std::optional<WriterLock> lock;
    Connection connection;
    Statements statements;  // after the connection, so that they are finalized before it is closed
    std::optional<Terms> terms;
    std::optional<Liveness> liveness;
    std::optional<Neighbours> neighbours;
    std::optional<Board> board;
    std::optional<Bell> bell;  // empty where the file system has no sockets: then everybody polls
    // Leases that this store handed out, as they stand: settling one needs no look at its row. Merely a shortcut: the
    // row is changed only if it stands like this, and otherwise read.
    std::unordered_map<Ref, StandingRow> held;
    Board::HighWater seen;   // in the database, by this store
    bool went_back = false;  // the database was found behind the board at opening
    std::optional<Error> failure;
    std::int64_t page_bytes = 0;
    std::int64_t commits = 0;
    std::int64_t checkpoints = 0;

    [[nodiscard]] bool is_forked() const noexcept { return sqlite::fork_generation() != fork_generation; }

    // Whether the store may be used: not in a forked child, not failed, and the file still where it was.
    [[nodiscard]] Status check_usable();

    // From now on every verb answers `error`. The connection is given up without touching the files again.
    void fail(const Error& error) noexcept;

    // Fails the store after an fsync that failed.
    void notice_failed_disk() noexcept;

    // The lock round every write transaction, checkpoint and the last close.
    [[nodiscard]] Result<WriterLock::Held> acquire_lock();

    // Under the lock, after a commit. What was committed is safe in the log, so a failure is no error of the commit; if
    // it was one of fsync, the store fails.
    void checkpoint_if_long() noexcept;
    [[nodiscard]] Status checkpoint();
};

// How long nobody takes back leases for their age after the lock had been held up.
inline constexpr Millis kStallGraceMs = 5 * base::kSecondMs;

// One snapshot for the reads that follow. Ends with the object.
class Read {
public:
    explicit Read(Core& core) noexcept : core_{core} {}
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    Read(Read&&) = delete;
    Read& operator=(Read&&) = delete;
    ~Read();

    [[nodiscard]] Status begin();

private:
    Core& core_;
    bool open_ = false;
};

}  // namespace khala::store::sqlite
