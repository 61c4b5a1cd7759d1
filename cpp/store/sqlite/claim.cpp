#include "store/sqlite/claim.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/plant.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/claim_pick.hpp"
#include "store/events.hpp"
#include "store/sqlite/candidates.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

struct Demand {
    QueueRow* queue;  // one that exists
    int limit;
};

class Claimer {
public:
    Claimer(Write& write, const Claim& request, ExchangeReply& reply) noexcept
        : write_{write}, request_{request}, reply_{reply} {}

    [[nodiscard]] Status run() {
        KHALA_TRY(look_up());
        KHALA_TRY(sweep_due());
        KHALA_TRY(sweep_overdue());
        KHALA_TRY(lease_best());
        KHALA_TRY(lease_suspect());
        tell_interests();
        return {};
    }

private:
    // What the worker could take beyond what it has just got.
    void tell_interests() {
        const bool is_sweep = request_.limit == 0 && request_.suspects == Suspects::none;
        if (is_sweep || !write_.core().bell) {
            return;
        }
        int room = request_.limit;
        for (const Lease& lease : reply_.leases) {
            if (lease.standing.suspect) {
                interests_.suspects = 0;  // one at a time
                continue;
            }
            room -= 1;
            const auto name = [](const Demand& demand) -> const std::string& { return demand.queue->name; };
            std::ranges::find(demands_, lease.job.queue, name)->limit -= 1;
        }
        for (const Demand& demand : demands_) {
            interests_.ready |= demand.limit > 0 ? interest_in(demand.queue->number) : 0;
        }
        if (room <= 0) {
            interests_.ready = 0;
        }
        if (request_.suspects == Suspects::none) {
            interests_.suspects = 0;
        }
        write_.core().bell->set_interests(interests_);
    }

    using Entries = std::vector<std::pair<Millis, Ref>>;  // a time and the job

    Status look_up() {
        for (const QueueDemand& demand : request_.queues) {
            KHALA_TRY_ASSIGN(QueueRow* const queue, write_.find_queue(demand.queue));
            if (queue != nullptr) {
                demands_.push_back({queue, demand.limit});
            }
            // A number for a queue that is not there yet, too: it is what others find our interest by.
            KHALA_TRY_ASSIGN(const Term number, write_.terms().intern(demand.queue));
            interests_.suspects |= interest_in(number);
            if (queue == nullptr && demand.limit > 0) {
                interests_.ready |= interest_in(number);
            }
        }
        for (const std::string& name : request_.tasks) {
            KHALA_TRY_ASSIGN(const Term number, write_.terms().intern(name));
            interests_.tasks |= interest_in(number);
            tasks_.push_back(number);
        }
        std::ranges::sort(tasks_);
        tasks_.erase(std::unique(tasks_.begin(), tasks_.end()), tasks_.end());
        KHALA_TRY_ASSIGN(worker_, write_.terms().intern(request_.worker));
        return {};
    }

    // The first kSweepCount jobs whose time has come, over all queues.
    Result<Entries> come(Statement& statement) {
        Entries found;
        for (const Demand& demand : demands_) {
            Rows rows{statement.bind(demand.queue->number, write_.now(), kSweepCount)};
            while (rows.next()) {
                found.emplace_back(statement.integer(1), statement.integer(0));
            }
            KHALA_TRY(rows.finish());
        }
        if (found.size() >= static_cast<std::size_t>(kSweepCount)) {
            reply_.more = true;
        }
        std::ranges::sort(found);
        found.resize(std::min(found.size(), static_cast<std::size_t>(kSweepCount)));
        return found;
    }

    Status sweep_due() {
        if (KHALA_PLANT(sqlite_due_never_ready)) {
            return {};
        }
        KHALA_TRY_ASSIGN(const Entries due, come(write_.sql().due));
        for (const auto& [due_at, ref] : due) {
            StandingRow row;
            KHALA_TRY(read_indexed(ref, row));
            KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write_.core(), row));
            if (row.damage != 0) {
                KHALA_TRY(quarantine(row, lease.job, State::scheduled));
                continue;
            }
            KHALA_TRY(apply_move(write_, row, job::ready_move(lease, write_.now()), Logging::by_queue));
        }
        return {};
    }

    Status sweep_overdue() {
        KHALA_TRY_ASSIGN(const Entries overdue, come(write_.sql().overdue));
        overdue_left_ = overdue.size() >= static_cast<std::size_t>(kSweepCount);
        Rng unused{0};
        for (const auto& [expires_at, ref] : overdue) {
            StandingRow row;
            KHALA_TRY(read_indexed(ref, row));
            KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write_.core(), row));
            if (row.damage != 0) {
                KHALA_TRY(quarantine(row, lease.job, row.standing.state));
                continue;
            }
            const Move move = job::decide(lease, job::Overdue{}, write_.now(), unused);
            KHALA_TRY(apply_move(write_, row, move, Logging::by_queue));
            reply_.expired.push_back(lease.job.id);
        }
        return {};
    }

    // The row that an index entry stands for.
    Status read_indexed(Ref ref, StandingRow& row) {
        KHALA_TRY_ASSIGN(const bool found, find_live(write_.core(), ref, row));
        return found ? Status{} : Status{no_row(ref)};
    }

    Error no_row(Ref ref) {
        return write_.core().connection.index_damage("names row " + std::to_string(ref) + ", which is not there");
    }

    // Only when the sweep could not reach all that are overdue is each job looked at.
    std::function<Result<bool>(Ref)> not_overdue() {
        if (!overdue_left_) {
            return {};
        }
        return [this](Ref ref) -> Result<bool> {
            StandingRow row;
            KHALA_TRY(read_indexed(ref, row));
            KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write_.core(), row));
            return !job::is_overdue(lease.job, lease.standing, write_.now());
        };
    }

    Result<std::vector<Candidate>> candidates(const OrderedIndex& index, Term queue, std::size_t wanted) {
        KHALA_TRY_ASSIGN(const auto tasks, tasks_present(index, queue, tasks_));
        if (KHALA_PLANT(sqlite_wrong_end)) {
            KHALA_TRY_ASSIGN(auto all, first_jobs(index, queue, tasks, std::numeric_limits<int>::max(), not_overdue()));
            all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(std::min(wanted, all.size())));
            return all;
        }
        return first_jobs(index, queue, tasks, wanted, not_overdue());
    }

    Status lease_best() {
        const int limit = request_.suspects == Suspects::only ? 0 : request_.limit;
        const OrderedIndex ready{write_.sql().next_ready_task, write_.sql().claim};
        std::vector<QueueCandidates> queues;
        for (const Demand& demand : demands_) {
            QueueCandidates& queue = queues.emplace_back();
            queue.limit = demand.limit;
            const std::size_t wanted = candidates_wanted(demand.limit, limit);
            if (wanted > 0 && (!demand.queue->settings.paused || KHALA_PLANT(sqlite_paused_claimed))) {
                KHALA_TRY_ASSIGN(queue.ready, candidates(ready, demand.queue->number, wanted));
            }
        }
        const Picked picked = pick(queues, limit);
        reply_.leases.reserve(picked.jobs.size() + 1);
        KHALA_TRY(lease_all(picked.jobs));
        reply_.more = reply_.more || picked.more;
        return {};
    }

    Status lease_suspect() {
        if (request_.suspects == Suspects::none) {
            return {};
        }
        const OrderedIndex suspects{write_.sql().next_suspect_task, write_.sql().claim_suspect};
        std::optional<Candidate> best;
        for (const Demand& demand : demands_) {
            if (demand.queue->settings.paused) {
                continue;
            }
            KHALA_TRY_ASSIGN(const auto tasks, tasks_present(suspects, demand.queue->number, tasks_));
            KHALA_TRY_ASSIGN(const auto first, first_jobs(suspects, demand.queue->number, tasks, 1, not_overdue()));
            if (!first.empty() && (!best || first.front() < *best)) {
                best = first.front();
            }
        }
        return best ? lease_all({&*best, 1}) : Status{};
    }

    // Jobs that were enqueued one after another mostly run one after another: their rows are read in one go.
    Status lease_all(std::span<const Candidate> picked) {
        std::vector<LiveJob> jobs;
        jobs.reserve(picked.size());
        for (std::size_t first = 0; first < picked.size();) {
            std::size_t next = first + 1;
            while (next < picked.size() && picked[next].ref == picked[next - 1].ref + 1) {
                ++next;
            }
            KHALA_TRY(read_live_jobs(write_.core(), picked[first].ref, picked[next - 1].ref, jobs));
            if (jobs.size() != next) {
                return no_row(picked[std::min(jobs.size(), next - 1)].ref);
            }
            first = next;
        }
        for (LiveJob& job : jobs) {
            KHALA_TRY(lease(job.row, job.asked));
        }
        return {};
    }

    Status lease(StandingRow& row, AskedRow& asked) {
        if (row.damage != 0 || asked.damaged) {
            return quarantine(row, std::move(asked.job), State::ready);
        }
        row.standing.enqueued_at = asked.key.enqueued_at;
        QueueRow* const queue = queue_of(row.queue);
        write_.head().token += 1;
        start_lease(row.standing, write_.head().token, request_.worker, write_.now(),
                    write_.lease_now() + request_.lease_ms);
        row.worker = worker_;
        row.holder = write_.core().liveness->holder();
        KHALA_TRY(update_leased(write_.sql().lease, row));
        queue->count(State::ready, -1);
        queue->count(State::running, 1);
        write_.note_claimed(row.ref);
        reply_.leases.push_back({row.ref, std::move(asked.job), row.standing});
        if (is_logged(queue->settings, job::Cause::claim, State::running)) {
            KHALA_TRY(write_.log(*queue, claim_event(reply_.leases.back())));
        }
        remember(std::move(row));
        return {};
    }

    void remember(StandingRow row) {
        // As many as one process can run at a time; more were lost and never settled.
        constexpr std::size_t kMost = kSlotsMax;
        auto& held = write_.core().held;
        if (held.size() >= kMost) {
            held.clear();
        }
        const Ref ref = row.ref;
        held.insert_or_assign(ref, std::move(row));
    }

    // A row that is not what was once written is kept apart and never run. `state`: what the index says that it is in.
    // Where a damaged column is an indexed one, the write fails and the store is repaired first (check.hpp).
    Status quarantine(StandingRow& row, NewJob job, State state) {
        row.standing.state = state;
        KHALA_TRY_ASSIGN(JobRow damaged, quarantine_damaged(write_, row, std::move(job)));
        write_.note_claimed(row.ref);
        reply_.damaged.push_back(std::move(damaged));
        return {};
    }

    QueueRow* queue_of(Term number) {
        return std::ranges::find(demands_, number, [](const Demand& demand) { return demand.queue->number; })->queue;
    }

    Write& write_;
    const Claim& request_;
    ExchangeReply& reply_;
    std::vector<Demand> demands_;
    std::vector<Term> tasks_;  // ascending
    Term worker_ = 0;
    Interests interests_;
    bool overdue_left_ = false;
};

}  // namespace

Status claim(Write& write, const Claim& request, ExchangeReply& reply) {
    return Claimer{write, request, reply}.run();
}

}  // namespace khala::store::sqlite
