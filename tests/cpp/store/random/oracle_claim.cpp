// How the oracle claims: what a claim sweeps, in which order jobs are taken, what a lease looks like.
#include <algorithm>
#include <map>

#include "store/random/oracle.hpp"

namespace khala::store::random {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool overdue(const JobRow& row, Millis now) {
    const State state = row.standing.state;
    const bool waits =
        state == State::scheduled || state == State::ready || state == State::blocked || state == State::parked;
    return row.job.expires_at != 0 && row.job.expires_at <= now && row.standing.attempt == 0 && waits;
}

}  // namespace

// --- Claiming ---------------------------------------------------------------------------------------------------
double Oracle::line_of(const JobRow& row, std::int64_t sequence) const {
    const double levels_below_the_top = 255 - row.job.priority;
    const auto ageing_ms = static_cast<double>(queues_.at(row.job.queue).settings.ageing_ms);
    if (ageing_ms > 0) {
        return static_cast<double>(row.standing.enqueued_at) + levels_below_the_top * ageing_ms;
    }
    return levels_below_the_top * 35'184'372'088'832.0 + static_cast<double>(sequence);
}

std::vector<Oracle::Known*> Oracle::ready_in_line() {
    std::vector<Known*> line;
    for (Known& job : jobs_) {
        if (job.row.standing.state == State::ready) {
            line.push_back(&job);
        }
    }
    std::stable_sort(line.begin(), line.end(), [](const Known* a, const Known* b) { return a->line < b->line; });
    return line;
}

void Oracle::sweep(const Claim& claim, Reply& reply) {
    const auto of_claim = [&](const Known& job) {
        return std::any_of(claim.queues.begin(), claim.queues.end(),
                           [&](const QueueDemand& demand) { return demand.queue == job.row.job.queue; });
    };
    std::vector<Known*> late_ones;
    for (Known& job : jobs_) {
        if (!of_claim(job)) {
            continue;
        }
        if (job.row.standing.state == State::scheduled && job.row.standing.due_at <= wall_) {
            job.row.standing.state = State::ready;
        }
        if (overdue(job.row, wall_)) {
            late_ones.push_back(&job);
        }
    }
    std::stable_sort(late_ones.begin(), late_ones.end(),
                     [](const Known* a, const Known* b) { return a->row.job.expires_at < b->row.job.expires_at; });
    for (Known* job : late_ones) {
        job->row.standing.state = State::expired;
        job->row.standing.closed_at = wall_;
        job->row.standing.keep_until = wall_ + job->row.job.result_ttl_ms;
        reply.expired.push_back(job->row.job.id);
    }
}

void Oracle::claim(const Claim& claim, Reply& reply) {
    std::map<std::string, int> room;
    for (const QueueDemand& demand : claim.queues) {
        const auto queue = queues_.find(demand.queue);
        if (queue != queues_.end() && !queue->second.settings.paused) {
            room[demand.queue] = demand.limit;
        }
    }
    int left = claim.suspects == Suspects::only ? 0 : claim.limit;
    Known* suspect = nullptr;
    std::map<std::string, int> limit = room;
    for (Known* job : ready_in_line()) {
        const std::string& queue = job->row.job.queue;
        if (!room.contains(queue) || !has(claim.tasks, job->row.job.task)) {
            continue;
        }
        if (job->row.standing.suspect) {
            suspect = suspect == nullptr ? job : suspect;
        } else if (left > 0 && room[queue] > 0) {
            left -= 1;
            room[queue] -= 1;
            lease(*job, claim, reply);
        } else {
            reply.more = reply.more || limit[queue] > 0;
        }
    }
    if (suspect != nullptr && claim.suspects != Suspects::none) {
        lease(*suspect, claim, reply);
    }
}

void Oracle::lease(Known& job, const Claim& claim, Reply& reply) {
    job::Standing& standing = job.row.standing;
    standing.state = State::running;
    standing.attempt += 1;
    standing.token = ++last_token_;
    standing.worker = claim.worker;
    standing.started_at = wall_;
    standing.lease_until = boot_ + claim.lease_ms;
    standing.progress_count = 0;
    standing.progress_total = 0;
    standing.progress_message = "";
    job::Attempt attempt;
    attempt.number = standing.attempt;
    attempt.started_at = wall_;
    attempt.worker = claim.worker;
    attempt.outcome = "running";
    attempt.token = standing.token;
    job.row.history.push_back(attempt);
    keep_latest(job.row.history);
    lease_of_[standing.token] = lease_count();
    leases_.push_back({job.row, job.policy});
    reply.leases.push_back(job.row.job.id);
}

}  // namespace khala::store::random
