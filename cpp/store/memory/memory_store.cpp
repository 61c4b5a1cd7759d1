#include "store/memory/memory_store.hpp"

#include "base/plant.hpp"
#include "store/events.hpp"

namespace khala::store {

MemoryStore::MemoryStore(const Clock* clock) : clock_{clock != nullptr ? *clock : SystemClock::instance()} {}

StoreInfo MemoryStore::info() const {
    StoreInfo info;
    info.kind = "memory";
    info.durability = "memory";
    info.location = "memory://";
    return info;
}

void MemoryStore::log(Queue& queue, Event event) {
    event.sequence = ++queue.event_sequence;
    queue.events.push_back(std::move(event));
    if (queue.events.size() > static_cast<std::size_t>(kEventCount)) {
        queue.events.pop_front();
    }
}

void MemoryStore::make_ready(Row& row) {
    apply_move(row, job::ready_move(row.slim_lease(), now()));
}

Result<std::vector<Renewed>> MemoryStore::renew(std::span<const Renewal> renewals, Millis lease_ms) {
    if (lease_ms < 0) {
        return Error{ErrorCode::invalid_argument, "lease_ms", "must not be negative"};
    }
    std::vector<Renewed> reply;
    reply.reserve(renewals.size());
    for (const Renewal& renewal : renewals) {
        Row* row = table_.find(renewal.ref, renewal.id);
        const bool held = row != nullptr && row->standing.state == State::running &&
                          (row->standing.token == renewal.token || KHALA_PLANT(memory_renew_revives));
        if (!held) {
            reply.push_back(Renewed::lost);
            continue;
        }
        table_.change(*row, [&](job::Standing& standing) {
            if (lease_ms > 0) {
                standing.lease_until = clock_.lease_ms() + lease_ms;
            }
            if (renewal.progress) {
                standing.progress_count = renewal.progress->count;
                standing.progress_total = renewal.progress->total;
                standing.progress_message = renewal.progress->message;
            }
        });
        reply.push_back(row->standing.cancel_requested ? Renewed::cancel_requested : Renewed::ok);
    }
    return reply;
}

bool MemoryStore::damage(const std::string& id) {
    Row* row = table_.find(id);
    if (row != nullptr) {
        row->damaged = true;
    }
    return row != nullptr;
}

Result<std::vector<std::string>> MemoryStore::check() {
    std::vector<std::string> faults = table_.check();
    for (const auto& [ref, row] : table_.rows()) {
        const job::Standing& standing = row.standing;
        const auto fault = [&, &id = row.job.id](std::string_view what) {
            faults.push_back("job " + id);
            faults.back().append(" ").append(what);
        };
        if (standing.token > last_token_) {
            fault("has a token that was never drawn");
        }
        if (row.history.size() > kHistoryCount) {
            fault("has " + std::to_string(row.history.size()) + " attempts in its history");
        }
        if (job::is_closed(standing.state) != (standing.closed_at != 0)) {
            fault("is " + std::string{job::name(standing.state)} + " and closed_at says otherwise");
        }
        if (tombstones_.contains(row.job.id) && tombstones_.at(row.job.id) > now()) {
            fault("exists and is remembered as removed");
        }
    }
    if (tombstones_.size() != tombstone_ends_.size()) {
        faults.emplace_back("remembered ids and their ends differ in number");
    }
    return faults;
}

}  // namespace khala::store
