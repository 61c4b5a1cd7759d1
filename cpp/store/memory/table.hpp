// The rows of the memory store and the ordered sets that find them.
//
// A row is in the sets that its state and times say, always: change() is the only way to alter a standing, and takes
// the row out of its sets before and puts it back after. Counting is asking the sets for their size; there is no
// number beside them that could be wrong.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "job/job.hpp"
#include "store/store.hpp"

namespace khala::store::memory {

// A sort value (see sort_value() in table.cpp) and the row; equal values are in the order of insertion.
using Index = std::set<std::pair<std::int64_t, Ref>>;

struct Queue {
    std::string name;
    QueueSettings settings;
    // scheduled by due_at; ready, blocked, parked by order_key; running by lease_until; closed by closed_at.
    std::array<Index, job::kStateCount> in_state;
    Index ready_suspects;  // ready jobs are either here or in in_state
    Index expiring;        // waiting jobs that never started and have an expires_at, by it
    std::deque<Event> events;
    std::int64_t event_sequence = 0;

    [[nodiscard]] Index& in(State state) { return in_state.at(static_cast<std::size_t>(state)); }
    [[nodiscard]] const Index& in(State state) const { return in_state.at(static_cast<std::size_t>(state)); }
    [[nodiscard]] std::int64_t count(State state) const;
    // What max_length bounds.
    [[nodiscard]] std::int64_t length() const;
};

struct Row {
    Ref ref = 0;
    NewJob job;
    job::Standing standing;
    std::vector<job::Attempt> history;
    Queue* queue = nullptr;  // never null; queues are never removed
    bool damaged = false;    // a test said so: stands for a checksum that does not hold

    [[nodiscard]] JobRow copy(bool with_history) const;
    [[nodiscard]] Lease lease() const { return {ref, job, standing}; }
    // For deciding: everything but payload and headers.
    [[nodiscard]] Lease slim_lease() const;
};

class Table {
public:
    [[nodiscard]] Queue& queue(const std::string& name);  // made when there is none
    [[nodiscard]] Queue* find_queue(const std::string& name);
    [[nodiscard]] const std::map<std::string, Queue>& queues() const { return queues_; }

    Row& insert(NewJob job, job::Standing standing);
    void erase(Row& row);
    [[nodiscard]] Row* find(const std::string& id);
    // `ref` is a hint: right or of no use.
    [[nodiscard]] Row* find(Ref ref, const std::string& id);
    [[nodiscard]] Row& at(Ref ref) { return rows_.at(ref); }
    [[nodiscard]] const std::map<Ref, Row>& rows() const { return rows_; }

    template <typename Change>
    void change(Row& row, Change&& how) {
        leave_indexes(row);
        std::forward<Change>(how)(row.standing);
        enter_indexes(row);
    }

    [[nodiscard]] const Index& leases() const { return leases_; }    // running jobs by lease_until
    [[nodiscard]] const Index& keeping() const { return keeping_; }  // closed jobs by keep_until

    // One line for every row that is in a set it does not belong to, or not in one it belongs to.
    [[nodiscard]] std::vector<std::string> check() const;

private:
    void enter_indexes(Row& row);
    void leave_indexes(Row& row);

    std::map<std::string, Queue> queues_;
    std::map<Ref, Row> rows_;
    std::unordered_map<std::string_view, Row*> by_id_;  // views into the rows
    Index leases_;
    Index keeping_;
    Ref last_ref_ = 0;
};

}  // namespace khala::store::memory
