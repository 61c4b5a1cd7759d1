// Which of several queues' ready jobs a claim takes: the best of all by (order_key, ref), within every queue's limit
// and the claim's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "job/job.hpp"

namespace khala::store {

struct Candidate {
    std::int64_t order_key = 0;
    job::Ref ref = 0;

    friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

struct QueueCandidates {
    int limit = 0;  // QueueDemand::limit
    // Ascending: claimable jobs of the queue (ready, no suspect, task known, not overdue; none of a paused queue). At
    // least the first candidates_wanted() of them, or all there are.
    std::vector<Candidate> ready;
};

// How many candidates of a queue pick() has to see: one more than could be taken, to know whether any are left. A
// queue with limit 0 needs none.
[[nodiscard]] std::size_t candidates_wanted(int queue_limit, int claim_limit) noexcept;

struct Picked {
    std::vector<Candidate> jobs;  // ascending
    bool more = false;            // a queue with limit > 0 has candidates left (ExchangeReply::more)
};
[[nodiscard]] Picked pick(std::span<const QueueCandidates> queues, int limit);

}  // namespace khala::store
