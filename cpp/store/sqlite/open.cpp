// Opening and closing: where everything is that may only happen under the writer lock.
#include <cerrno>
#include <charconv>
#include <new>
#include <string>
#include <utility>

#include "store/sqlite/leases.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/sql.hpp"
#include "store/sqlite/store.hpp"

namespace khala::store {
namespace sqlite {
namespace {

constexpr std::int64_t kCloseWaitMs = 5'000;

Result<std::string> read_text(Connection& connection, std::string_view name, std::string_view text) {
    KHALA_TRY_ASSIGN(Statement statement, Statement::prepare(connection, name, text));
    Rows rows{statement};
    std::string value{rows.next() ? statement.text(0) : std::string_view{}};
    KHALA_TRY(rows.finish());
    return value;
}

}  // namespace

SqliteStore::SqliteStore(const SqliteOptions& options) {
    core_.options = options;
    core_.clock = options.clock != nullptr ? options.clock : &SystemClock::instance();
    core_.fork_generation = fork_generation();
}

Result<std::unique_ptr<Store>> SqliteStore::open(const SqliteOptions& options) {
    auto store = std::make_unique<SqliteStore>(options);
    KHALA_TRY(store->open_files());
    KHALA_TRY_ASSIGN(const auto held, store->core_.acquire_lock());
    KHALA_TRY(check_identity(store->core_.location));
    KHALA_TRY(store->open_database());
    KHALA_TRY(store->take_place());
    return std::unique_ptr<Store>{std::move(store)};
}

Status SqliteStore::open_files() {
    KHALA_TRY_ASSIGN(core_.location, open_location(core_.options.path, core_.options.create));
    KHALA_TRY_ASSIGN(auto lock, WriterLock::open(core_.location.directory.get()));
    core_.lock.emplace(std::move(lock));
    return {};
}

// Recovery of a log that a dead process left happens at the first read; so that is done here, under the lock.
Status SqliteStore::open_database() {
    Connection& connection = core_.connection;
    KHALA_TRY(connection.open({core_.location.file, core_.options.lock_wait_ms, core_.options.interrupt}));
    KHALA_TRY_ASSIGN(const FileKind kind, examine_file(connection, core_.location.file));
    if (kind == FileKind::foreign) {
        remove_new_directory(core_.location);
        return foreign_file(connection, core_.location.file);
    }
    if (kind == FileKind::empty) {
        KHALA_TRY(connection.execute(sql::page_size));
    }
    KHALA_TRY(connection.execute(sql::settings));
    KHALA_TRY(connection.execute(core_.options.synchronous == Synchronous::full ? sql::synchronous_full
                                                                                : sql::synchronous_normal));
    KHALA_TRY_ASSIGN(const auto journal, read_text(connection, "read_journal_mode", sql::read_journal_mode));
    if (journal != "wal") {
        return Error{ErrorCode::unsupported, "path",
                     core_.location.file + " cannot have a write-ahead log (journal mode " + journal + ")"};
    }
    KHALA_TRY(migrate(connection, core_.clock->wall_ms()));
    KHALA_TRY_ASSIGN(const auto page, read_text(connection, "read_page_size", sql::read_page_size));
    std::from_chars(page.data(), page.data() + page.size(), core_.page_bytes);
    KHALA_TRY_ASSIGN(core_.statements, Statements::prepare(connection));
    core_.terms.emplace(core_.statements);
    return {};
}

// Among the processes that share the file: a liveness file, a seat at the board; and stale files go.
Status SqliteStore::take_place() {
    const int directory = core_.location.directory.get();
    KHALA_TRY_ASSIGN(auto liveness, Liveness::create(directory, core_.clock->boot_id()));
    core_.liveness.emplace(std::move(liveness));
    core_.neighbours.emplace(directory, core_.liveness->holder(), core_.clock->boot_id());
    core_.neighbours->sweep([this](Holder holder) { return may_have_leases(core_, holder); });
    KHALA_TRY_ASSIGN(auto board, Board::open(directory));
    core_.board.emplace(std::move(board));
    KHALA_TRY(notice_loss());
    auto bell = Bell::open(directory, *core_.board);
    if (bell) {
        core_.bell.emplace(*std::move(bell));
    } else if (bell.error().code != ErrorCode::unsupported) {
        return bell.error();
    }
    return {};
}

// A file that is made now may have had a predecessor; one that was there and is empty has lost all of its log. Where
// something is missing, Write goes on above the numbers that were given out; here it is only said.
Status SqliteStore::notice_loss() {
    Statement& head = core_.statements.read_head;
    Rows rows{head};
    if (rows.next()) {
        const Board::HighWater found{head.integer(2), head.integer(0), head.integer(4)};
        core_.went_back = !core_.location.created && found.is_behind(core_.board->high_water());
    }
    return rows.finish();
}

SqliteStore::~SqliteStore() {
    if (core_.is_forked()) {
        // The connection is the parent's; closing it, or finalizing its statements, might touch its files.
        static_cast<void>(new (std::nothrow) Statements{std::move(core_.statements)});
        core_.connection.leak();
        return;
    }
    // A store that failed leaves leases behind, and nobody is to blame: which of them had begun stands in the file.
    const bool leaves_leases = core_.liveness && may_have_leases(core_, core_.liveness->holder());
    if (leaves_leases) {
        core_.liveness->explain();
    }
    core_.statements = Statements{};
    if (!core_.lock || !core_.connection.is_open()) {
        return;
    }
    // The last close checkpoints and removes the log. Who cannot have the lock leaves that to the next one.
    const auto held = core_.lock->acquire(std::chrono::milliseconds{kCloseWaitMs}, nullptr);
    const bool ours = held.ok() && check_identity(core_.location).ok();
    if (ours && core_.liveness && !leaves_leases) {
        core_.liveness->remove(core_.location.directory.get());
    }
    ours ? core_.connection.close() : core_.connection.abandon();
}

}  // namespace sqlite

Result<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options) {
    return sqlite::SqliteStore::open(options);
}

bool explain_death(const std::string& path, std::int64_t pid) {
    const auto location = sqlite::open_location(path, false);
    return location.ok() &&
           sqlite::mark_explained(location->directory.get(), pid, SystemClock::instance().boot_id()) > 0;
}

}  // namespace khala::store
