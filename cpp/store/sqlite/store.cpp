#include "store/sqlite/store.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cassert>
#include <string>
#include <utility>
#include <vector>

#include "store/query.hpp"
#include "store/sqlite/check.hpp"
#include "store/sqlite/exchange.hpp"
#include "store/sqlite/leases.hpp"
#include "store/sqlite/manage.hpp"
#include "store/sqlite/read.hpp"
#include "store/sqlite/readers.hpp"
#include "store/sqlite/schema.hpp"
#include "store/sqlite/workers.hpp"
#include "store/sqlite/write.hpp"

namespace khala::store::sqlite {

template <typename Work>
auto SqliteStore::write(Work work) -> decltype(work(std::declval<Write&>())) {
    const auto attempt = [&]() -> decltype(work(std::declval<Write&>())) {
        Write write{core_};
        KHALA_TRY(write.begin());
        auto reply = work(write);
        if (reply) {
            KHALA_TRY(write.commit());
        }
        return reply;
    };
    auto reply = attempt();
    if (reply || core_.failure || !core_.connection.has_index_damage()) {
        return reply;
    }
    KHALA_TRY(repair_indexes());
    return attempt();
}

template <typename Work>
auto SqliteStore::read(Work work) -> decltype(work(std::declval<Core&>())) {
    Read read{core_};
    KHALA_TRY(read.begin());
    return work(core_);
}

Status SqliteStore::repair_indexes() {
    Write write{core_};
    KHALA_TRY(write.begin());
    KHALA_TRY_ASSIGN(auto set_apart, repair(write));
    KHALA_TRY(write.commit());
    set_apart_.insert(set_apart_.end(), std::move_iterator{set_apart.begin()}, std::move_iterator{set_apart.end()});
    return {};
}

// --- The verbs ------------------------------------------------------------------------------------------------

Result<ExchangeReply> SqliteStore::exchange(const Exchange& request) {
    KHALA_TRY(check_exchange(request));
    auto reply = write([&](Write& write) -> Result<ExchangeReply> {
        KHALA_TRY_ASSIGN(auto made, sqlite::exchange(write, request));
        pass_before_commit(request);
        return made;
    });
    if (reply) {
        pass_committed(request);
        reply->damaged.insert(reply->damaged.end(), std::move_iterator{set_apart_.begin()},
                              std::move_iterator{set_apart_.end()});
        set_apart_.clear();
    }
    return reply;
}

Result<std::vector<Renewed>> SqliteStore::renew(std::span<const Renewal> renewals, Millis lease_ms) {
    if (lease_ms < 0) {
        return Error{ErrorCode::invalid_argument, "lease_ms", "must not be negative"};
    }
    bool writes = lease_ms > 0;
    for (const Renewal& renewal : renewals) {
        writes = writes || renewal.progress.has_value();
    }
    if (!writes) {
        return read([&](Core& core) { return ask(core, renewals); });
    }
    return write([&](Write& write) { return sqlite::renew(write, renewals, lease_ms); });
}

Status SqliteStore::announce(const WorkerInfo& worker) {
    return write([&](Write& write) { return sqlite::announce(write, worker); });
}

Status SqliteStore::retire(const std::string& worker) {
    return write([&](Write& write) { return sqlite::retire(write, worker); });
}

Result<std::vector<WorkerInfo>> SqliteStore::workers() {
    return read([](Core& core) { return sqlite::workers(core); });
}

void SqliteStore::mark_started(int slot, Token token, bool as_suspect) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    core_.liveness->mark_started(slot, token, as_suspect);
}

void SqliteStore::mark_ended(int slot) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    core_.liveness->mark_ended(slot);
}

Result<std::vector<Lapse>> SqliteStore::lapsed(int limit) {
    return read([&](Core& core) { return sqlite::lapsed(core, limit); });
}

Result<std::vector<Lease>> SqliteStore::unroutable(std::span<const std::string> queues, int limit) {
    return read([&](Core& core) { return sqlite::unroutable(core, queues, limit); });
}

Result<Millis> SqliteStore::next_due(std::span<const std::string> queues) {
    return read([&](Core& core) { return sqlite::next_due(core, queues); });
}

Result<std::vector<std::optional<JobRow>>> SqliteStore::get(std::span<const std::string> ids, bool with_history) {
    return read([&](Core& core) { return sqlite::get(core, ids, with_history); });
}

Result<ListPage> SqliteStore::list(const ListQuery& query) {
    return read([&](Core& core) { return sqlite::list(core, query); });
}

Result<std::vector<QueueCounts>> SqliteStore::counts(const std::string& queue) {
    return read([&](Core& core) { return sqlite::counts(core, queue); });
}

Result<std::vector<TaskCounters>> SqliteStore::task_counters() {
    return read([](Core& core) { return sqlite::task_counters(core); });
}

Result<std::vector<Event>> SqliteStore::events(const std::string& queue, std::int64_t after, int limit) {
    return read([&](Core& core) { return sqlite::events(core, queue, after, limit); });
}

Result<std::vector<Managed>> SqliteStore::manage(Verb verb, std::span<const std::string> ids, const std::string& reason,
                                                 const std::string& actor) {
    return write([&](Write& write) { return sqlite::manage(write, verb, ids, reason, actor); });
}

Status SqliteStore::change_queue(const QueueChange& change) {
    return write([&](Write& write) { return sqlite::change_queue(write, change); });
}

Result<std::int64_t> SqliteStore::prune(const Prune& rule) {
    return write([&](Write& write) { return sqlite::prune(write, rule); });
}

Result<std::vector<Store::OutboxRow>> SqliteStore::outbox(int limit) {
    return read([&](Core& core) { return sqlite::outbox(core, limit); });
}

Status SqliteStore::outbox_drop(std::span<const std::int64_t> numbers) {
    return write([&](Write& write) { return sqlite::outbox_drop(write, numbers); });
}

Status SqliteStore::idle() {
    KHALA_TRY(core_.check_usable());
    if (core_.connection.wal_pages() == 0) {
        return {};
    }
    KHALA_TRY_ASSIGN(const auto held, core_.acquire_lock());
    return core_.checkpoint();
}

Result<std::vector<std::string>> SqliteStore::check() {
    return read([](Core& core) { return sqlite::check(core); });
}

// Empty unless the log is long and somebody reads, who may be why: it starts anew only when nobody needs what is in it.
std::string SqliteStore::describe_kept_log() const {
    struct stat log {};
    const bool is_long = ::stat((core_.location.file + "-wal").c_str(), &log) == 0 &&
                         log.st_size > core_.options.wal_limit_bytes + core_.options.wal_limit_bytes / 4;
    const auto readers = is_long ? readers_of(core_.location.file) : std::vector<std::string>{};
    if (readers.empty()) {
        return {};
    }
    std::string text = std::to_string(log.st_size >> 20U) + " MiB, and cannot start anew while somebody reads";
    std::string_view separator = ": process ";
    for (const std::string& reader : readers) {
        text.append(separator).append(reader);
        separator = ", ";
    }
    return text;
}

StoreInfo SqliteStore::info() const {
    StoreInfo info;
    info.kind = "sqlite";
    info.durability = core_.options.synchronous == Synchronous::full ? "disk" : "os";
    info.location = core_.location.file;
    info.identity = std::to_string(core_.location.device) + ":" + std::to_string(core_.location.inode);
    info.engine_version = sqlite3_libversion();
    info.bundled = KHALA_SQLITE_BUNDLED != 0;
    info.schema_version = kSchemaVersion;
    const auto add = [&](std::string name, std::string value) {
        info.details.emplace_back(std::move(name), std::move(value));
    };
    add("synchronous", core_.options.synchronous == Synchronous::full ? "full" : "normal");
    add("journal", "wal");
    add("wake_up", core_.bell ? "sockets" : "polling: the file system has no sockets, or all seats are taken");
    add("commits", std::to_string(core_.commits));
    add("checkpoints", std::to_string(core_.checkpoints));
    add("wal_pages", std::to_string(core_.connection.wal_pages()));
    if (core_.went_back) {
        add("went_back",
            "the file is older than what was last committed to it: a backup was restored, the end of its log "
            "was damaged, or the power failed at synchronous=normal");
    }
    if (const std::string kept = describe_kept_log(); !kept.empty()) {
        add("log", kept);
    }
    constexpr mode_t kOthers = 0077;
    if ((core_.location.mode & kOthers) != 0) {
        add("file_mode", "other users may open the file; chmod 600 it");
    }
    constexpr int kFirstWithoutResetBug = 3'051'003;
    if (sqlite3_libversion_number() < kFirstWithoutResetBug) {
        add("library",
            "this SQLite can damage a log when two programs write or checkpoint at once; processes of "
            "khala_jobs take turns, other programs must not write to the file");
    }
    add("other_libraries", "do not open the file with another copy of SQLite in a process that works on it");
    return info;
}

}  // namespace khala::store::sqlite
