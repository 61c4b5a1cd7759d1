#include "store/memory/table.hpp"

#include <algorithm>
#include <cassert>

#include "base/plant.hpp"
#include "job/lifecycle.hpp"

namespace khala::store::memory {
namespace {

using job::Standing;

std::int64_t sort_value(const Standing& standing) noexcept {
    switch (standing.state) {
        case State::scheduled: return standing.due_at;
        case State::ready:
        case State::blocked:
        case State::parked: return standing.order_key;
        case State::running: return standing.lease_until;
        case State::completed:
        case State::failed:
        case State::cancelled:
        case State::expired:
        case State::quarantined: return standing.closed_at;
    }
    return 0;
}

bool can_expire(const Row& row) noexcept {
    return row.job.expires_at != 0 && row.standing.attempt == 0 && job::is_legal(row.standing.state, State::expired);
}

// Calls use(index, sort value) for each set that the row belongs to.
template <typename Use>
void for_each_index(const Row& row, Index& leases, Index& keeping, const Use& use) {
    const Standing& standing = row.standing;
    const bool apart = standing.state == State::ready && standing.suspect;
    use(apart ? row.queue->ready_suspects : row.queue->in(standing.state), sort_value(standing));
    if (standing.state == State::running) {
        use(leases, standing.lease_until);
    }
    if (job::is_closed(standing.state)) {
        use(keeping, standing.keep_until);
    }
    if (can_expire(row)) {
        use(row.queue->expiring, row.job.expires_at);
    }
}

}  // namespace

std::int64_t Queue::count(State state) const {
    const std::size_t apart = state == State::ready ? ready_suspects.size() : 0;
    return static_cast<std::int64_t>(in(state).size() + apart);
}

std::int64_t Queue::length() const {
    return count(State::scheduled) + count(State::ready) + count(State::blocked) + count(State::parked);
}

JobRow Row::copy(bool with_history) const {
    return {ref, job, standing, with_history ? history : std::vector<job::Attempt>{}};
}

Lease Row::slim_lease() const {
    Lease lease{ref, job, standing};
    lease.job.payload.clear();
    lease.job.headers.clear();
    return lease;
}

Queue& Table::queue(const std::string& name) {
    Queue& queue = queues_[name];
    queue.name = name;
    return queue;
}

Queue* Table::find_queue(const std::string& name) {
    const auto found = queues_.find(name);
    return found == queues_.end() ? nullptr : &found->second;
}

Row& Table::insert(NewJob job, Standing standing) {
    const Ref ref = ++last_ref_;
    Row& row = rows_[ref];
    row.ref = ref;
    row.job = std::move(job);
    row.standing = std::move(standing);
    row.queue = &queue(row.job.queue);
    by_id_.emplace(row.job.id, &row);
    enter_indexes(row);
    return row;
}

void Table::erase(Row& row) {
    leave_indexes(row);
    by_id_.erase(row.job.id);
    rows_.erase(row.ref);
}

Row* Table::find(const std::string& id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

Row* Table::find(Ref ref, const std::string& id) {
    const auto found = rows_.find(ref);
    return found != rows_.end() && found->second.job.id == id ? &found->second : find(id);
}

void Table::enter_indexes(Row& row) {
    for_each_index(row, leases_, keeping_, [&](Index& index, std::int64_t value) { index.emplace(value, row.ref); });
}

void Table::leave_indexes(Row& row) {
    for_each_index(row, leases_, keeping_, [&](Index& index, std::int64_t value) {
        if (KHALA_PLANT(memory_index_forgotten) && &index == &row.queue->in(State::running)) {
            return;
        }
        index.erase({value, row.ref});
    });
}

std::vector<std::string> Table::check() const {
    // The sets that the rows ask for, beside those that are there.
    std::map<std::string, Queue> queues;
    Index leases;
    Index keeping;
    std::vector<std::string> faults;
    for (const auto& [name, queue] : queues_) {
        queues[name].settings = queue.settings;
    }
    for (const auto& [ref, stored] : rows_) {
        Row row;
        row.ref = ref;
        row.standing = stored.standing;
        row.job.expires_at = stored.job.expires_at;
        row.queue = &queues[stored.job.queue];
        for_each_index(row, leases, keeping,
                       [&, r = ref](Index& index, std::int64_t value) { index.emplace(value, r); });
        const auto by_id = by_id_.find(stored.job.id);
        if (by_id == by_id_.end() || by_id->second != &stored) {
            faults.push_back("job " + stored.job.id + " is not found by its id");
        }
    }
    const auto compare = [&](const Index& is, const Index& ought, const std::string& what) {
        if (is != ought) {
            faults.push_back("the set of " + what + " has " + std::to_string(is.size()) +
                             " entries, the rows ask for " + std::to_string(ought.size()) + " (or others)");
        }
    };
    for (const auto& [name, queue] : queues_) {
        const Queue& ought = queues[name];
        for (std::size_t state = 0; state < job::kStateCount; ++state) {
            compare(queue.in_state.at(state), ought.in_state.at(state),
                    std::string{job::name(static_cast<State>(state))} + " jobs of " + name);
        }
        compare(queue.ready_suspects, ought.ready_suspects, "suspects of " + name);
        compare(queue.expiring, ought.expiring, "expiring jobs of " + name);
    }
    compare(leases_, leases, "leases");
    compare(keeping_, keeping, "closed jobs");
    if (by_id_.size() != rows_.size()) {
        faults.push_back(std::to_string(by_id_.size()) + " ids for " + std::to_string(rows_.size()) + " rows");
    }
    return faults;
}

}  // namespace khala::store::memory
