#include <algorithm>
#include <cassert>

#include "base/limits.hpp"
#include "store/memory/memory_store.hpp"
#include "store/query.hpp"

namespace khala::store {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Status MemoryStore::announce(const WorkerInfo& worker) {
    KHALA_TRY(check_worker(worker));
    WorkerInfo& known = workers_[worker.id] = worker;
    known.seen_at = now();
    known.seen_lease_ms = clock_.lease_ms();
    std::erase_if(workers_, [&](const auto& entry) {
        return clock_.lease_ms() - entry.second.seen_lease_ms >= kWorkerForgottenMs;
    });
    for (const std::string& name : worker.queues) {
        const Queue* queue = table_.find_queue(name);
        if (queue == nullptr) {
            continue;
        }
        const memory::Index parked = queue->in(State::parked);  // a copy: making jobs ready changes the set
        for (const auto& [key, ref] : parked) {
            Row& row = table_.at(ref);
            if (contains(worker.tasks, row.job.task)) {
                make_ready(row);
            }
        }
    }
    return {};
}

Status MemoryStore::retire(const std::string& worker) {
    workers_.erase(worker);
    return {};
}

Result<std::vector<WorkerInfo>> MemoryStore::workers() {
    std::vector<WorkerInfo> workers;
    for (const auto& [id, worker] : workers_) {
        if (clock_.lease_ms() - worker.seen_lease_ms < kWorkerForgottenMs) {
            workers.push_back(worker);
            workers.back().live = is_live(worker);
        }
    }
    return workers;
}

bool MemoryStore::is_live(const WorkerInfo& worker) const {
    return !dead_workers_.contains(worker.id) && clock_.lease_ms() - worker.seen_lease_ms < kWorkerLiveMs;
}

bool MemoryStore::is_routable(const Row& row) const {
    return std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
        const WorkerInfo& worker = entry.second;
        return is_live(worker) && contains(worker.queues, row.job.queue) && contains(worker.tasks, row.job.task);
    });
}

void MemoryStore::mark_started(int slot, Token token, bool as_suspect) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    marks_[static_cast<std::size_t>(slot)].store(token * 2 + (as_suspect ? 1 : 0), std::memory_order_release);
}

void MemoryStore::mark_ended(int slot) noexcept {
    assert(slot >= 0 && slot < kSlotsMax);
    marks_[static_cast<std::size_t>(slot)].store(0, std::memory_order_release);
}

job::Lapsed MemoryStore::read_marks(Token token) const {
    job::Lapsed known;
    for (const auto& mark : marks_) {
        const std::int64_t word = mark.load(std::memory_order_acquire);
        if (word != 0 && word / 2 == token) {
            known.started = true;
            known.as_suspect = known.as_suspect || word % 2 != 0;
        }
    }
    return known;
}

void MemoryStore::set_fate(const std::string& worker, const job::Lapsed& fate) {
    dead_workers_.insert(worker);
    for (const auto& [lease_until, ref] : table_.leases()) {
        const job::Standing& standing = table_.at(ref).standing;
        if (standing.worker == worker) {
            job::Lapsed cause = read_marks(standing.token);
            cause.died = fate.died;
            cause.explained = fate.explained;
            cause.started = cause.started || fate.started;
            cause.as_suspect = cause.as_suspect || fate.as_suspect;
            fates_[standing.token] = cause;
        }
    }
}

Result<std::vector<Lapse>> MemoryStore::lapsed(int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    std::vector<Lapse> lapses;
    for (const auto& [lease_until, ref] : table_.leases()) {
        const Row& row = table_.rows().at(ref);
        const auto fate = fates_.find(row.standing.token);
        if (fate == fates_.end() && lease_until > clock_.lease_ms()) {
            continue;
        }
        if (lapses.size() == static_cast<std::size_t>(limit)) {
            break;
        }
        lapses.push_back({row.slim_lease(), fate == fates_.end() ? read_marks(row.standing.token) : fate->second});
    }
    return lapses;
}

Result<std::vector<Lease>> MemoryStore::unroutable(std::span<const std::string> queues, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    memory::Index found;
    for (const std::string& name : queues) {
        const Queue* queue = table_.find_queue(name);
        if (queue == nullptr) {
            continue;
        }
        for (const memory::Index* ready : {&queue->in(State::ready), &queue->ready_suspects}) {
            std::copy_if(ready->begin(), ready->end(), std::inserter(found, found.end()),
                         [&](const auto& entry) { return !is_routable(table_.at(entry.second)); });
        }
    }
    std::vector<Lease> leases;
    for (const auto& [key, ref] : found) {
        if (leases.size() == static_cast<std::size_t>(limit)) {
            break;
        }
        leases.push_back(table_.at(ref).slim_lease());
    }
    return leases;
}

Result<Millis> MemoryStore::next_due(std::span<const std::string> queues) {
    Millis earliest = 0;
    for (const std::string& name : queues) {
        const Queue* queue = table_.find_queue(name);
        if (queue == nullptr || queue->in(State::scheduled).empty()) {
            continue;
        }
        const Millis due_at = queue->in(State::scheduled).begin()->first;
        earliest = earliest == 0 ? due_at : std::min(earliest, due_at);
    }
    return earliest;
}

}  // namespace khala::store
