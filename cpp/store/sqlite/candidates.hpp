// The first jobs of a queue in the order in which they are to run, over some of its tasks.
//
// The indexes are by (queue, task, order_key): a queue is a stream for each task, merged here. Tasks that are not asked
// for are passed with one seek each, however many jobs they have; a claim's cost depends on what it takes, not on what
// waits.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "store/claim_pick.hpp"
#include "store/sqlite/statements.hpp"
#include "store/sqlite/terms.hpp"

namespace khala::store::sqlite {

// The two statements that walk one of the indexes; their files say what they take and give.
struct OrderedIndex {
    Statement& next_task;
    Statement& next_jobs;
};

// Tasks with jobs in the index, ascending; of `among` (ascending) only.
[[nodiscard]] Result<std::vector<Term>> tasks_present(const OrderedIndex& index, Term queue,
                                                      std::span<const Term> among);
// All of them.
[[nodiscard]] Result<std::vector<Term>> tasks_present(const OrderedIndex& index, Term queue);

// At most `wanted` jobs of these tasks that `accepts` (may be empty), ascending by (order_key, ref).
[[nodiscard]] Result<std::vector<Candidate>> first_jobs(const OrderedIndex& index, Term queue,
                                                        std::span<const Term> tasks, std::size_t wanted,
                                                        const std::function<Result<bool>(job::Ref)>& accepts);

}  // namespace khala::store::sqlite
