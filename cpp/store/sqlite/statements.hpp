// Every statement of the store, prepared once. The names are those of the files in sql/.
#pragma once

#include "store/sqlite/connection.hpp"

namespace khala::store::sqlite {

// clang-format off
#define KHALA_SQLITE_STATEMENTS(S)                                                                             \
    S(begin_write) S(begin_read) S(commit) S(rollback)                                                         \
    S(read_head) S(write_head) S(find_term) S(insert_term) S(read_terms)                                       \
    S(insert_job) S(insert_live) S(update_live) S(lease) S(insert_closed)                                               \
    S(delete_job) S(delete_live) S(take_out) S(delete_closed) S(delete_attempts)                                           \
    S(find_job) S(read_job) S(read_live) S(read_both) S(read_closed)                                   \
    S(any_tombstone) S(find_tombstone) S(bury) S(forget_tombstones) S(delete_tombstone)                                         \
    S(read_queue) S(read_queues) S(insert_queue) S(write_queue)                                                \
    S(read_tally) S(add_tally) S(clear_tallies) S(recount_tallies) S(oldest_ready) S(oldest_suspect) S(read_task) S(read_tasks) S(write_task)      \
    S(due) S(overdue) S(next_due) S(next_ready_task) S(next_suspect_task) S(claim) S(claim_suspect) S(next_parked_task) S(parked) \
    S(read_lease) S(renew) S(write_progress) S(next_holder) S(leases_of)                                       \
    S(insert_attempt) S(read_attempts) S(count_attempts) S(delete_oldest_attempt)                              \
    S(insert_event) S(delete_event) S(read_events)                                                             \
    S(list_live) S(list_live_back) S(list_live_by_order) S(list_closed) S(list_closed_back)                     \
    S(list_closed_by_order) S(list_not_completed) S(list_not_completed_back) S(list_scheduled) S(list_running)  \
    S(list_blocked) S(list_parked) S(list_correlation) S(list_parent)                                          \
    S(next_keep) S(closed_of_keep) S(read_id) S(open_of_queue)                                                  \
    S(write_worker) S(read_workers) S(delete_worker) S(insert_outbox) S(read_outbox) S(delete_outbox)
// clang-format on

struct Statements {
#define KHALA_SQLITE_MEMBER(name) Statement name;
    KHALA_SQLITE_STATEMENTS(KHALA_SQLITE_MEMBER)
#undef KHALA_SQLITE_MEMBER

    [[nodiscard]] static Result<Statements> prepare(Connection& connection);
};

}  // namespace khala::store::sqlite
