#include "store/claim_pick.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "base/plant.hpp"

namespace khala::store {
namespace {

// How many jobs are taken of each queue's list, by merging the lists.
Picked merge(std::span<const QueueCandidates> queues, std::vector<std::size_t>& taken, std::size_t limit) {
    Picked picked;
    using Head = std::pair<Candidate, std::size_t>;  // and its queue's index
    std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
    const auto offer = [&](std::size_t queue) {
        const QueueCandidates& from = queues[queue];
        if (taken[queue] < from.ready.size() && taken[queue] < static_cast<std::size_t>(from.limit)) {
            heads.emplace(from.ready[taken[queue]], queue);
        }
    };
    for (std::size_t queue = 0; queue < queues.size(); ++queue) {
        offer(queue);
    }
    while (!heads.empty() && picked.jobs.size() < limit) {
        const auto [best, queue] = heads.top();
        heads.pop();
        picked.jobs.push_back(best);
        taken[queue] += 1;
        offer(queue);
    }
    return picked;
}

Picked queue_by_queue(std::span<const QueueCandidates> queues, std::vector<std::size_t>& taken, std::size_t limit) {
    Picked picked;
    for (std::size_t queue = 0; queue < queues.size(); ++queue) {
        std::vector<std::size_t> none{0};
        const Picked part = merge(queues.subspan(queue, 1), none, limit - picked.jobs.size());
        taken[queue] = part.jobs.size();
        picked.jobs.insert(picked.jobs.end(), part.jobs.begin(), part.jobs.end());
    }
    return picked;
}

}  // namespace

std::size_t candidates_wanted(int queue_limit, int claim_limit) noexcept {
    return queue_limit <= 0 ? 0 : static_cast<std::size_t>(std::min(queue_limit, std::max(claim_limit, 0))) + 1;
}

Picked pick(std::span<const QueueCandidates> queues, int limit) {
    std::vector<std::size_t> taken(queues.size(), 0);
    const auto room = static_cast<std::size_t>(std::max(limit, 0));
    Picked picked =
        KHALA_PLANT(limit_ignores_priority) ? queue_by_queue(queues, taken, room) : merge(queues, taken, room);
    for (std::size_t queue = 0; queue < queues.size(); ++queue) {
        picked.more = picked.more || (queues[queue].limit > 0 && taken[queue] < queues[queue].ready.size());
    }
    return picked;
}

}  // namespace khala::store
