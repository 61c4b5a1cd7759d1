#include "store/redis/store.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
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
    // The epoch is the same for everybody who works on this namespace, by whatever name they reach the server.
    KHALA_TRY_ASSIGN(const Reply epoch, core_.command({"HGET", core_.key("head"), "epoch"}));
    const std::string name_space = core_.key(epoch.text().empty() ? location(core_.options()) : epoch.text());
    neighbours_.emplace(core_.options().neighbours_directory, name_space, SystemClock::instance().boot_id());
    doorbell_.emplace(core_.options(), neighbours_->number());
    KHALA_TRY(redis::next_due(core_, {}));  // a function that the server lacks, and may not be given, shows now
    return {};
}

ClaimTerms RedisStore::terms_for(const Exchange& request) {
    if (request.claim != nullptr) {
        doorbell_->listen();
    }
    ClaimTerms terms;
    terms.holder = neighbours_->number();
    terms.rings = doorbell_->wants_jobs();
    terms.waits = doorbell_->waits();
    return terms;
}

// limit: of its claim. Where one that was begun before has left us waiting, this one did not know it, and changed
// nothing.
void RedisStore::tell_doorbell(const ClaimTerms& terms, std::optional<int> limit, const Result<ExchangeReply>& reply) {
    if (limit) {
        const bool got_less = reply && terms.rings && reply->leases.size() < static_cast<std::size_t>(*limit);
        doorbell_->set_waits(!reply || got_less || (doorbell_->waits() && !terms.waits));
    }
}

namespace {

// How many leases its claim could bring; nothing where there is none.
std::optional<int> limit_of(const Exchange& request) {
    if (request.claim == nullptr) {
        return std::nullopt;
    }
    return request.claim->suspects == Suspects::only ? 1 : request.claim->limit;
}

}  // namespace

Result<ExchangeReply> RedisStore::exchange(const Exchange& request) {
    const ClaimTerms terms = terms_for(request);
    auto reply = redis::exchange(core_, held_, request, terms);
    tell_doorbell(terms, limit_of(request), reply);
    return reply;
}

Status RedisStore::begin(const Exchange& request) {
    const ClaimTerms terms = terms_for(request);
    KHALA_TRY_ASSIGN(auto begun, begin_exchange(core_, held_, request, terms));
    under_way_.push_back({std::move(begun), terms, limit_of(request)});
    return {};
}

Result<ExchangeReply> RedisStore::end() {
    const UnderWay first = std::move(under_way_.front());
    under_way_.pop_front();
    auto reply = first.begun->end();
    tell_doorbell(first.terms, first.limit, reply);
    return reply;
}

Result<std::vector<Renewed>> RedisStore::renew(std::span<const Renewal> renewals, Millis lease_ms) {
    return redis::renew(core_, renewals, lease_ms);
}

Status RedisStore::announce(const WorkerInfo& worker) {
    return redis::announce(core_, worker, neighbours_->number());
}

Status RedisStore::retire(const std::string& worker) {
    KHALA_TRY(core_.command({"HDEL", core_.key("waits"), std::to_string(neighbours_->number())}));
    return redis::retire(core_, worker);
}

bool RedisStore::is_live(const KnownWorker& worker) {
    return worker.silent_ms < kWorkerLiveMs && !neighbours_->is_dead(worker.holder);
}

Result<std::vector<WorkerInfo>> RedisStore::workers() {
    KHALA_TRY_ASSIGN(auto known, known_workers(core_));
    std::vector<WorkerInfo> reply;
    for (KnownWorker& worker : known) {
        worker.info.live = is_live(worker);
        reply.push_back(std::move(worker.info));
    }
    return reply;
}

void RedisStore::mark_started(int slot, Token token, bool as_suspect) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    neighbours_->mark_started(slot, token, as_suspect);
}

void RedisStore::mark_ended(int slot) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    neighbours_->mark_ended(slot);
}

// Those that ran out, and those of processes of this machine that are known to be dead.
Result<std::vector<Lapse>> RedisStore::lapsed(int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    KHALA_TRY_ASSIGN(auto leases, lapsed_leases(core_, limit));
    auto dead = neighbours_->dead();
    std::erase_if(dead, [this](std::int64_t holder) { return spent_.contains(holder); });
    if (!dead.empty()) {
        KHALA_TRY_ASSIGN(auto left, leases_of(core_, dead));
        if (left.empty()) {
            spent_.insert(dead.begin(), dead.end());
        }
        std::erase_if(left, [&](const HeldLease& held) {
            return std::ranges::any_of(leases, [&](const HeldLease& each) { return each.lease.ref == held.lease.ref; });
        });
        leases.insert(leases.end(), std::move_iterator{left.begin()}, std::move_iterator{left.end()});
        std::ranges::sort(leases, {}, [](const HeldLease& held) {
            return std::pair{held.lease.standing.lease_until, held.lease.ref};
        });
    }
    leases.resize(std::min(leases.size(), static_cast<std::size_t>(limit)));
    std::vector<Lapse> lapses;
    for (HeldLease& held : leases) {
        const job::Lapsed cause = neighbours_->cause_of(held.holder, held.lease.standing.token);
        lapses.push_back({std::move(held.lease), cause});
    }
    return lapses;
}

// A file of a dead process goes when neither a lease nor an announced worker refers to it any more.
void RedisStore::forget_spent(std::span<const KnownWorker> known) {
    std::vector<std::int64_t> unknown;
    for (const std::int64_t holder : spent_) {
        if (std::ranges::find(known, holder, &KnownWorker::holder) == known.end()) {
            unknown.push_back(holder);
        }
    }
    neighbours_->forget(unknown);
    for (const std::int64_t holder : unknown) {
        spent_.erase(holder);
    }
}

Result<std::vector<Lease>> RedisStore::unroutable(std::span<const std::string> queues, int limit) {
    KHALA_TRY_ASSIGN(auto known, known_workers(core_));
    std::vector<WorkerInfo> live;
    for (KnownWorker& worker : known) {
        if (is_live(worker)) {
            live.push_back(std::move(worker.info));
        }
    }
    forget_spent(known);
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
    info.identity = core_.probe().epoch();
    info.engine_version = core_.probe().facts().version;
    info.schema_version = kLayout;
    info.details = core_.probe().describe();
    info.details.emplace_back("library", core_.library().name());
    return info;
}

}  // namespace khala::store::redis
