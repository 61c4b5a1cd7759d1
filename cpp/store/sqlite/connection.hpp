// SQLite's handles, each owned by one object, and its errors as values.
//
// Statements are prepared once, when the store opens, and used for as long as it lives. Use is: bind, then either run()
// to the end or step through the rows with Rows, which resets the statement when it goes. A statement that is not reset
// keeps a read transaction open, and with it the log from ever being emptied; hence no stepping outside Rows.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/rng.hpp"
#include "base/time.hpp"

namespace khala::store::sqlite {

struct ConnectionOptions {
    std::string file;
    Millis busy_wait_ms = 0;  // for locks of programs that do not know our writer lock
    const std::atomic<bool>* interrupt = nullptr;
};

// One thread. Neither copied nor moved: SQLite keeps pointers into it.
class Connection {
public:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    Connection(Connection&&) = delete;
    Connection& operator=(Connection&&) = delete;
    ~Connection() { close(); }

    // Opens an existing file, hardened: no double-quoted strings, no trusted schema, defensive, no extensions, no mmap.
    // No page is read yet.
    [[nodiscard]] Status open(const ConnectionOptions& options);
    // Statements are finalized before. Checkpoints and removes the log if it was the last connection of all.
    void close() noexcept;
    // The same without the checkpoint: for a file that is no longer ours.
    void abandon() noexcept;
    // Neither: in a forked child, where the connection is the parent's.
    void leak() noexcept { handle_ = nullptr; }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }

    // Statements without parameters and rows, separated by semicolons.
    [[nodiscard]] Status execute(std::string_view sql);

    // The error of the latest call that failed with `code`. Remembers whether the store can go on; see is_failed().
    [[nodiscard]] Error error(int code, std::string_view what);

    // After a failed fsync nothing is known about what is on the disk: such a connection must not be used again.
    [[nodiscard]] bool is_failed() const noexcept { return failed_; }

    // An index that does not agree with its table (SQLite says so, or a verb found it out): repaired by repair().
    [[nodiscard]] Error index_damage(std::string_view what);
    [[nodiscard]] bool has_index_damage() const noexcept { return index_damage_; }
    void forget_index_damage() noexcept { index_damage_ = false; }

    // Rows that the latest INSERT, UPDATE or DELETE changed.
    [[nodiscard]] int changes() const noexcept { return sqlite3_changes(handle_); }
    // Rows changed since the connection was opened.
    [[nodiscard]] std::int64_t total_changes() const noexcept { return sqlite3_total_changes64(handle_); }
    [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_) == 0; }
    // Pages in the log after the latest commit of this connection.
    [[nodiscard]] int wal_pages() const noexcept { return wal_pages_; }

    // Copies what the log holds into the file, as far as readers allow and without waiting for them; under the writer
    // lock. When nobody reads, the next commit starts the log anew.
    [[nodiscard]] Status checkpoint();

private:
    static int on_busy(void* self, int count) noexcept;
    static int on_commit(void* self, sqlite3* handle, const char* name, int pages) noexcept;

    sqlite3* handle_ = nullptr;
    Millis busy_wait_ms_ = 0;
    Millis busy_waited_us_ = 0;
    const std::atomic<bool>* interrupt_ = nullptr;
    base::Rng rng_ = base::Rng::from_entropy();
    int wal_pages_ = 0;
    bool failed_ = false;
    bool index_damage_ = false;
};

class Statement {
public:
    Statement() = default;
    // `name` is that of the .sql file and lives for ever.
    [[nodiscard]] static Result<Statement> prepare(Connection& connection, std::string_view name, std::string_view sql);

    // Values for ?1, ?2, ... in order. Texts are not copied: they live until the statement is reset. An empty text is
    // stored as NULL.
    template <typename... Values>
    Statement& bind(const Values&... values) {
        int index = 0;
        (bind_one(++index, values), ...);
        return *this;
    }

    // Executes a statement without rows, to its end, and resets it.
    [[nodiscard]] Status run();

    // Of the current row.
    [[nodiscard]] std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(handle(), column); }
    [[nodiscard]] bool is_null(int column) const noexcept {
        return sqlite3_column_type(handle(), column) == SQLITE_NULL;
    }
    // Valid until the next step or reset. Read as a blob: SQLite then needs no copy to end it with a zero.
    [[nodiscard]] std::string_view text(int column) const noexcept {
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle(), column));
        return size == 0 ? std::string_view{}
                         : std::string_view{static_cast<const char*>(sqlite3_column_blob(handle(), column)), size};
    }

    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    [[nodiscard]] sqlite3_stmt* handle() const noexcept { return handle_.get(); }

private:
    friend class Rows;

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    void bind_one(int index, std::int64_t value) const noexcept { sqlite3_bind_int64(handle(), index, value); }
    void bind_one(int index, std::string_view value) const noexcept {
        if (value.empty()) {
            sqlite3_bind_null(handle(), index);
        } else {
            sqlite3_bind_text(handle(), index, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
        }
    }

    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
    Connection* connection_ = nullptr;
    std::string_view name_;
};

// Steps through the rows of a bound statement. `while (rows.next()) ...; KHALA_TRY(rows.finish());`
class Rows {
public:
    explicit Rows(Statement& statement) noexcept : statement_{statement} {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    Rows(Rows&&) = delete;
    Rows& operator=(Rows&&) = delete;
    ~Rows() { sqlite3_reset(statement_.handle()); }

    // False at the end and after an error.
    [[nodiscard]] bool next() noexcept {
        code_ = sqlite3_step(statement_.handle());
        return code_ == SQLITE_ROW;
    }
    // Whether the latest next() met an error. Rows may be left unread.
    [[nodiscard]] Status finish();

private:
    Statement& statement_;
    int code_ = SQLITE_DONE;
};

}  // namespace khala::store::sqlite
