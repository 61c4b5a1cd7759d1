#include "store/sqlite/connection.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace khala::store::sqlite {
namespace {

// What SQLite will take from us at most, so that a bug or a hostile file cannot make it use much more.
constexpr auto kLimits = std::to_array<std::pair<int, int>>({
    {SQLITE_LIMIT_LENGTH, 64 << 20},  // the largest value of ours is a 16 MiB payload
    {SQLITE_LIMIT_SQL_LENGTH, 64 << 10},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
});

// Configuration switches of a connection that take an int and give one back.
constexpr auto kSwitches = std::to_array<std::pair<int, int>>({
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_ENABLE_QPSG, 1},  // else partial indexes make SQLite prepare anew at every bind
});

ErrorCode classify(int extended) noexcept {
    switch (extended) {
        case SQLITE_IOERR_WRITE:  // a full disk or RLIMIT_FSIZE, as far as one can tell
            return ErrorCode::store_full;
        case SQLITE_IOERR_CORRUPTFS: return ErrorCode::corrupt;
        default: break;
    }
    switch (extended & 0xff) {
        case SQLITE_FULL: return ErrorCode::store_full;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return ErrorCode::corrupt;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return ErrorCode::busy;
        case SQLITE_INTERRUPT: return ErrorCode::interrupted;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_NOMEM:
        case SQLITE_AUTH: return ErrorCode::io;
        case SQLITE_TOOBIG: return ErrorCode::invalid_argument;
        default: return ErrorCode::internal;
    }
}

bool is_fsync_failure(int extended) noexcept {
    return extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC || extended == SQLITE_IOERR_TRUNCATE;
}

}  // namespace

Status Connection::open(const ConnectionOptions& options) {
    sqlite3_initialize();  // a private build does not do it by itself
    busy_wait_ms_ = options.busy_wait_ms;
    interrupt_ = options.interrupt;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_EXRESCODE;
    if (const int code = sqlite3_open_v2(options.file.c_str(), &handle_, flags, nullptr); code != SQLITE_OK) {
        Error failure = error(code, "open");
        close();
        return failure;
    }
    for (const auto& [limit, value] : kLimits) {
        sqlite3_limit(handle_, limit, value);
    }
    for (const auto& [option, value] : kSwitches) {
        if (const int code = sqlite3_db_config(handle_, option, value, nullptr); code != SQLITE_OK) {
            return error(code, "configure");
        }
    }
    if (sqlite3_db_readonly(handle_, "main") != 0) {
        return Error{ErrorCode::io, "path", options.file + " can only be read"};
    }
    sqlite3_busy_handler(handle_, &Connection::on_busy, this);
    sqlite3_wal_autocheckpoint(handle_, 0);
    sqlite3_wal_hook(handle_, &Connection::on_commit, this);
    return {};
}

void Connection::close() noexcept {
    if (handle_ != nullptr) {
        sqlite3_close_v2(std::exchange(handle_, nullptr));
    }
}

void Connection::abandon() noexcept {
    if (handle_ != nullptr) {
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        close();
    }
}

Status Connection::execute(std::string_view sql) {
    const std::string text{sql};
    const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Status{} : error(code, "execute");
}

Error Connection::error(int code, std::string_view what) {
    const int extended = handle_ != nullptr ? sqlite3_extended_errcode(handle_) : code;
    const char* const text = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    failed_ = failed_ || is_fsync_failure(extended);
    index_damage_ = index_damage_ || extended == SQLITE_CORRUPT_INDEX;
    return Error{classify(extended), std::string{what},
                 std::string{text} + " (SQLite error " + std::to_string(extended) + ")"};
}

Error Connection::index_damage(std::string_view what) {
    index_damage_ = true;
    return Error{ErrorCode::corrupt, "index", "an index " + std::string{what}};
}

Status Connection::checkpoint() {
    const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) {
        wal_pages_ = 0;  // a reader in the way leaves a rest for the next time
        return {};
    }
    return error(code, "checkpoint");
}

// Only programs that do not know our lock (the sqlite3 shell, a backup) can make us wait here.
int Connection::on_busy(void* self, int count) noexcept {
    auto& connection = *static_cast<Connection*>(self);
    constexpr std::uint64_t kSleepUs = 200;
    if (count == 0) {
        connection.busy_waited_us_ = 0;
    }
    const bool interrupted = connection.interrupt_ != nullptr && connection.interrupt_->load(std::memory_order_acquire);
    if (interrupted || connection.busy_waited_us_ > connection.busy_wait_ms_ * 1000) {
        return 0;
    }
    const auto sleep_us = static_cast<Millis>(kSleepUs + connection.rng_.below(kSleepUs * 4));
    std::this_thread::sleep_for(std::chrono::microseconds{sleep_us});
    connection.busy_waited_us_ += sleep_us;
    return 1;
}

int Connection::on_commit(void* self, sqlite3* /*handle*/, const char* /*name*/, int pages) noexcept {
    static_cast<Connection*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
}

Result<Statement> Statement::prepare(Connection& connection, std::string_view name, std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) {
        return connection.error(code, name);
    }
    Statement statement;
    statement.handle_.reset(handle);
    statement.connection_ = &connection;
    statement.name_ = name;
    return statement;
}

Status Statement::run() {
    const int code = sqlite3_step(handle());
    if (code == SQLITE_DONE) {
        sqlite3_reset(handle());
        return {};
    }
    Error failure = code == SQLITE_ROW ? Error{ErrorCode::internal, std::string{name_}, "gave a row where none was due"}
                                       : connection_->error(code, name_);
    sqlite3_reset(handle());
    return failure;
}

Status Rows::finish() {
    if (code_ == SQLITE_ROW || code_ == SQLITE_DONE) {
        return {};
    }
    return statement_.connection_->error(code_, statement_.name_);
}

}  // namespace khala::store::sqlite
