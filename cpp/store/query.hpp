// Requests to a store: whether they are well formed, which rows they mean, and cursors. Pure; for every store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "job/job.hpp"
#include "store/store.hpp"

namespace khala::store {

// Each verb checks its whole request before its first write. The error names the field and the limit.
[[nodiscard]] Status check_exchange(const Exchange& request);
[[nodiscard]] Status check_worker(const WorkerInfo& worker);
[[nodiscard]] Status check_change(const QueueChange& change);
[[nodiscard]] Status check_prune(const Prune& rule);
[[nodiscard]] Status check_list(const ListQuery& query);
[[nodiscard]] Status check_limit(int limit, int most);

// Everything but order, cursor and limit.
[[nodiscard]] bool matches(const ListQuery& query, const NewJob& job, const job::Standing& standing);

// States whose jobs the rule may remove, ascending.
[[nodiscard]] std::vector<State> prunable_states(const Prune& rule);

// Where a page of a list ended: the next one starts behind it. `order_key` counts in Order::next_to_run only.
struct Cursor {
    Order order = Order::oldest_first;
    std::int64_t order_key = 0;
    Ref ref = 0;
};
[[nodiscard]] std::string to_text(const Cursor& cursor);
// Refuses what to_text never made, and the cursor of another order.
[[nodiscard]] Result<Cursor> parse_cursor(std::string_view text, Order order);

}  // namespace khala::store
