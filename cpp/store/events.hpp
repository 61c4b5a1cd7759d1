// The events that stores log, built in one place so that every store logs the same. `sequence` is the store's to fill.
//
//   name        logged            actor            detail
//   a Cause     is_logged()       worker / caller  reason of the move; "import" for imported rows
//   cancel, remove, requeue       the verb's actor its reason
//   pause, resume, limit, ageing, defaults, log_moves    the change's actor; the new value
// A verb of management is one event, though it moves the job; so is each field of a queue that changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "job/job.hpp"
#include "job/lifecycle.hpp"
#include "store/store.hpp"

namespace khala::store {

// Quarantine is always logged, everything else if the queue logs its moves.
[[nodiscard]] bool is_logged(const QueueSettings& queue, job::Cause cause, State to) noexcept;

[[nodiscard]] Event enqueue_event(const NewJob& job, bool imported, const std::string& actor, Millis now);
[[nodiscard]] Event claim_event(const Lease& lease);  // at standing.started_at
// `worker`: of the lease that the move ends; "" for a move that ends none.
[[nodiscard]] Event move_event(const Move& move, const std::string& queue, const std::string& worker);
[[nodiscard]] Event manage_event(Verb verb, const std::string& queue, const std::string& id, const std::string& reason,
                                 const std::string& actor, Millis now);
// One for each field that is set, in the order of the table above.
[[nodiscard]] std::vector<Event> change_events(const QueueChange& change, Millis now);

[[nodiscard]] std::string_view name(Verb verb) noexcept;

}  // namespace khala::store
