#include "store/redis/store.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/limits.hpp"
#include "store/query.hpp"
#include "store/redis/exchange.hpp"
#include "store/redis/manage.hpp"
#include "store/redis/read.hpp"
#include "store/redis/workers.hpp"

namespace khala::store {

Result<std::unique_ptr<Store>> open_redis(const RedisOptions& options) {
    auto store = std::make_unique<redis::RedisStore>(options);
    KHALA_TRY(store->open());
    return std::unique_ptr<Store>{std::move(store)};
}

}  // namespace khala::store

namespace khala::store::redis {

RedisStore::RedisStore(const RedisOptions& options) : core_{options} {}

Status RedisStore::open() {
    KHALA_TRY(core_.connect());
    KHALA_TRY(redis::next_due(core_, {}));  // a function that the server lacks, and may not be given, shows now
    return {};
}

Result<ExchangeReply> RedisStore::exchange(const Exchange& request) {
    return redis::exchange(core_, request, 0);
}

Result<std::vector<Renewed>> RedisStore::renew(std::span<const Renewal> renewals, Millis lease_ms) {
    return redis::renew(core_, renewals, lease_ms);
}

Status RedisStore::announce(const WorkerInfo& worker) {
    return redis::announce(core_, worker, 0);
}

Status RedisStore::retire(const std::string& worker) {
    return redis::retire(core_, worker);
}

Result<std::vector<WorkerInfo>> RedisStore::workers() {
    KHALA_TRY_ASSIGN(auto known, known_workers(core_));
    std::vector<WorkerInfo> reply;
    for (KnownWorker& worker : known) {
        reply.push_back(std::move(worker.info));
    }
    return reply;
}

void RedisStore::mark_started(int slot, Token token, bool as_suspect) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    marks_[static_cast<std::size_t>(slot)].store(token * 2 + (as_suspect ? 1 : 0), std::memory_order_release);
}

void RedisStore::mark_ended(int slot) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    marks_[static_cast<std::size_t>(slot)].store(0, std::memory_order_release);
}

Result<std::vector<Lapse>> RedisStore::lapsed(int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    KHALA_TRY_ASSIGN(auto leases, lapsed_leases(core_, limit));
    leases.resize(std::min(leases.size(), static_cast<std::size_t>(limit)));
    std::vector<Lapse> lapses;
    for (HeldLease& held : leases) {
        job::Lapsed cause;
        for (const auto& mark : marks_) {
            const std::int64_t word = mark.load(std::memory_order_acquire);
            if (word != 0 && word / 2 == held.lease.standing.token) {
                cause.started = true;
                cause.as_suspect = cause.as_suspect || word % 2 != 0;
            }
        }
        lapses.push_back({std::move(held.lease), cause});
    }
    return lapses;
}

Result<std::vector<Lease>> RedisStore::unroutable(std::span<const std::string> queues, int limit) {
    KHALA_TRY_ASSIGN(auto known, known_workers(core_));
    std::vector<WorkerInfo> live;
    for (KnownWorker& worker : known) {
        if (worker.silent_ms < kWorkerLiveMs) {
            live.push_back(std::move(worker.info));
        }
    }
    return redis::unroutable(core_, queues, limit, live);
}

Result<Millis> RedisStore::next_due(std::span<const std::string> queues) {
    return redis::next_due(core_, queues);
}

Result<std::vector<std::optional<JobRow>>> RedisStore::get(std::span<const std::string> ids, bool with_history) {
    return redis::get(core_, ids, with_history);
}

Result<ListPage> RedisStore::list(const ListQuery& query) {
    return redis::list(core_, query);
}

Result<std::vector<QueueCounts>> RedisStore::counts(const std::string& queue) {
    return redis::counts(core_, queue);
}

Result<std::vector<TaskCounters>> RedisStore::task_counters() {
    return redis::task_counters(core_);
}

Result<std::vector<Event>> RedisStore::events(const std::string& queue, std::int64_t after, int limit) {
    return redis::events(core_, queue, after, limit);
}

Result<std::vector<Managed>> RedisStore::manage(Verb verb, std::span<const std::string> ids, const std::string& reason,
                                                const std::string& actor) {
    return redis::manage(core_, verb, ids, reason, actor);
}

Status RedisStore::change_queue(const QueueChange& change) {
    return redis::change_queue(core_, change);
}

Result<std::int64_t> RedisStore::prune(const Prune& rule) {
    return redis::prune(core_, rule);
}

Result<std::vector<Store::OutboxRow>> RedisStore::outbox(int limit) {
    return redis::outbox(core_, limit);
}

Status RedisStore::outbox_drop(std::span<const std::int64_t> numbers) {
    return redis::outbox_drop(core_, numbers);
}

Result<std::vector<std::string>> RedisStore::check() {
    return redis::check(core_);
}

StoreInfo RedisStore::info() const {
    StoreInfo info;
    info.kind = "redis";
    info.durability = to_text(core_.probe().durability());
    info.location = location(core_.options());
    info.engine_version = core_.probe().facts().version;
    info.details = core_.probe().describe();
    info.details.emplace_back("library", core_.library().name());
    return info;
}

}  // namespace khala::store::redis
