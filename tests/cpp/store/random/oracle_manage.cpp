// Everything of the oracle beside inserting, settling and claiming.
#include <algorithm>

#include "store/random/oracle.hpp"

namespace khala::store::random {
namespace {

constexpr Millis kOneDay = Millis{24} * 3'600 * 1'000;

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool closed_state(State state) {
    return state == State::completed || state == State::failed || state == State::cancelled ||
           state == State::expired || state == State::quarantined;
}

bool is_dead_letter(State state) {
    return state == State::failed || state == State::quarantined;
}

}  // namespace

void Oracle::renew(const RenewRequest& request, Reply& reply) {
    for (const auto& [number, progress] : request.renewals) {
        const JobRow& held = leases_.at(static_cast<std::size_t>(number)).row;
        Known* job = find(held.job.id);
        if (job == nullptr || job->row.standing.state != State::running ||
            job->row.standing.token != held.standing.token) {
            reply.renewed.push_back(Renewed::lost);
            continue;
        }
        job::Standing& standing = job->row.standing;
        if (request.lease_ms > 0) {
            standing.lease_until = boot_ + request.lease_ms;
        }
        if (progress) {
            standing.progress_count = progress->count;
            standing.progress_total = progress->total;
            standing.progress_message = progress->message;
        }
        reply.renewed.push_back(standing.cancel_requested ? Renewed::cancel_requested : Renewed::ok);
    }
}

LapseView Oracle::read_marks(const Known& job) const {
    LapseView view;
    view.id = job.row.job.id;
    for (const auto& [slot, mark] : marks_) {
        if (mark.first == job.row.standing.token) {
            view.started = true;
            view.as_suspect = view.as_suspect || mark.second;
        }
    }
    return view;
}

void Oracle::die(const FateRequest& request) {
    dead_.insert(request.worker);
    for (const Known& job : jobs_) {
        if (job.row.standing.state == State::running && job.row.standing.worker == request.worker) {
            LapseView& view = fates_[job.row.standing.token] = read_marks(job);
            view.died = true;
            view.explained = request.explained;
        }
    }
}

void Oracle::reap(const ReapRequest& request, Reply& reply) {
    std::vector<const Known*> ended;
    for (const Known& job : jobs_) {
        const job::Standing& standing = job.row.standing;
        if (standing.state == State::running && (standing.lease_until <= boot_ || fates_.contains(standing.token))) {
            ended.push_back(&job);
        }
    }
    std::stable_sort(ended.begin(), ended.end(), [](const Known* a, const Known* b) {
        return a->row.standing.lease_until < b->row.standing.lease_until;
    });
    ended.resize(std::min(ended.size(), static_cast<std::size_t>(request.limit)));
    std::vector<Effect> effects;
    for (const Known* job : ended) {
        const job::Standing& standing = job->row.standing;
        const auto fate = fates_.find(standing.token);
        const LapseView lapse = fate == fates_.end() ? read_marks(*job) : fate->second;
        reply.lapses.push_back(lapse);
        Effect effect;
        effect.id = lapse.id;
        effect.token = standing.token;
        effect.lease_until = standing.lease_until;
        effect.to = State::ready;
        effect.ending = "lapsed";
        effect.at = wall_;
        effect.due_at = wall_;
        effect.attempt = standing.attempt - (lapse.started ? 0 : 1);
        effect.failures = standing.failures;
        effect.snoozes = standing.snoozes;
        effect.crashes = standing.crashes;
        effect.suspect = standing.suspect;
        if (lapse.died && !lapse.explained && lapse.started) {
            effect.suspect = true;
            if (lapse.as_suspect) {
                effect.ending = "crashed";
                effect.crashes += 1;
            }
            if (lapse.as_suspect && effect.crashes >= 3) {
                effect.to = State::quarantined;
                effect.keep_until = wall_ + std::max(job->row.job.result_ttl_ms, 30 * kOneDay);
            }
        }
        if (standing.cancel_requested) {  // the reaper reads the row, so it knows
            effect.to = State::cancelled;
            effect.keep_until = wall_ + job->row.job.result_ttl_ms;
        }
        effects.push_back(effect);
    }
    RenewRequest between;
    between.lease_ms = 10'000;
    for (const LeaseNo lease : request.renew_between) {
        between.renewals.emplace_back(lease, std::nullopt);
    }
    renew(between, reply);
    for (Effect& effect : effects) {
        reply.moves.push_back(settle(std::move(effect)));
    }
}

void Oracle::park(const ParkRequest& request, Reply& reply) {
    for (Known* job : ready_in_line()) {
        const bool known = std::any_of(workers_.begin(), workers_.end(),
                                       [&](const auto& worker) { return knows(worker.first, *job); });
        if (!has(request.queues, job->row.job.queue) || known ||
            reply.ids.size() == static_cast<std::size_t>(request.limit)) {
            continue;
        }
        job->row.standing.state = State::parked;
        reply.ids.push_back(job->row.job.id);
        reply.moves.push_back(Moved::applied);
    }
}

void Oracle::announce(const AnnounceRequest& request) {
    WorkerInfo& worker = workers_[request.worker.id] = request.worker;
    worker.seen_at = wall_;
    worker.seen_lease_ms = boot_;
    for (Known& job : jobs_) {
        if (job.row.standing.state == State::parked && has(worker.queues, job.row.job.queue) &&
            has(worker.tasks, job.row.job.task)) {
            job.row.standing.state = State::ready;
        }
    }
}

void Oracle::manage(const ManageRequest& request, Reply& reply) {
    for (const std::string& id : request.ids) {
        Known* job = find(id);
        if (job == nullptr) {
            reply.managed.push_back(Managed::missing);
            continue;
        }
        job::Standing& standing = job->row.standing;
        const bool running = standing.state == State::running;
        const bool closed = closed_state(standing.state);
        Managed answer = Managed::refused;
        switch (request.verb) {
            case Verb::cancel:
                if (running) {
                    standing.cancel_requested = true;
                    answer = Managed::requested;
                } else if (!closed) {
                    standing.state = State::cancelled;
                    standing.closed_at = wall_;
                    standing.keep_until = wall_ + job->row.job.result_ttl_ms;
                    answer = Managed::done;
                }
                break;
            case Verb::remove:
                if (!running) {
                    remove(id);
                    answer = Managed::done;
                }
                break;
            case Verb::requeue:
                if ((closed && standing.state != State::expired) || standing.state == State::scheduled ||
                    standing.state == State::parked) {
                    standing.state = State::ready;
                    standing.due_at = wall_;
                    standing.failures = 0;
                    standing.snoozes = 0;
                    standing.crashes = 0;
                    standing.closed_at = 0;
                    standing.keep_until = 0;
                    standing.result = "";
                    answer = Managed::done;
                }
                break;
        }
        reply.managed.push_back(answer);
    }
}

void Oracle::remove(const std::string& id) {
    removed_[id] = wall_ + kOneDay;
    std::erase_if(jobs_, [&](const Known& job) { return job.row.job.id == id; });
}

void Oracle::change(const ChangeRequest& request) {
    const QueueChange& change = request.change;
    QueueSettings& settings = queues_[change.queue].settings;
    const Millis was_ageing_ms = settings.ageing_ms;
    settings.paused = change.paused.value_or(settings.paused);
    settings.max_length = change.max_length.value_or(settings.max_length);
    settings.ageing_ms = change.ageing_ms.value_or(settings.ageing_ms);
    settings.defaults = change.defaults.value_or(settings.defaults);
    settings.log_moves = change.log_moves.value_or(settings.log_moves);
    if (was_ageing_ms == settings.ageing_ms) {
        return;
    }
    // Everything open lines up anew, by the time of its enqueue.
    std::vector<Known*> open;
    for (Known& job : jobs_) {
        if (job.row.job.queue == change.queue && !closed_state(job.row.standing.state)) {
            open.push_back(&job);
        }
    }
    std::stable_sort(open.begin(), open.end(), [](const Known* a, const Known* b) {
        return a->row.standing.enqueued_at < b->row.standing.enqueued_at;
    });
    for (Known* job : open) {
        job->line = line_of(job->row, ++sequence_);
    }
}

void Oracle::prune(const PruneRequest& request, Reply& reply) {
    const Prune& rule = request.rule;
    const bool by_keep_until = rule.closed_before == 0 && rule.keep_count < 0;
    std::vector<std::pair<Millis, std::string>> doomed;
    for (const Known& job : jobs_) {
        const job::Standing& standing = job.row.standing;
        const bool named = std::find(rule.states.begin(), rule.states.end(), standing.state) != rule.states.end();
        const bool spared = rule.states.empty() ? !by_keep_until && is_dead_letter(standing.state) : !named;
        if (!closed_state(standing.state) || spared || (!rule.queue.empty() && rule.queue != job.row.job.queue)) {
            continue;
        }
        const auto newer = std::count_if(jobs_.begin(), jobs_.end(), [&](const Known& other) {
            return other.row.job.queue == job.row.job.queue && other.row.standing.state == standing.state &&
                   std::pair{other.row.standing.closed_at, other.place} > std::pair{standing.closed_at, job.place};
        });
        const bool too_old = rule.closed_before > 0 && standing.closed_at < rule.closed_before;
        const bool too_many = rule.keep_count >= 0 && newer >= rule.keep_count;
        if (by_keep_until ? standing.keep_until <= wall_ : too_old || too_many) {
            doomed.emplace_back(by_keep_until ? standing.keep_until : standing.closed_at, job.row.job.id);
        }
    }
    std::stable_sort(doomed.begin(), doomed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    doomed.resize(std::min(doomed.size(), static_cast<std::size_t>(rule.limit)));
    for (const auto& [at, id] : doomed) {
        remove(id);
    }
    reply.count = static_cast<std::int64_t>(doomed.size());
}

void Oracle::list(const ListRequest& request, Reply& reply) const {
    const ListQuery& query = request.query;
    std::vector<const Known*> found;
    for (const Known& job : jobs_) {
        const NewJob& made = job.row.job;
        const job::Standing& standing = job.row.standing;
        bool wanted = query.states.empty();
        wanted = wanted || std::find(query.states.begin(), query.states.end(), standing.state) != query.states.end();
        wanted = wanted && (query.queue.empty() || query.queue == made.queue);
        wanted = wanted && (query.task.empty() || query.task == made.task);
        wanted = wanted && standing.enqueued_at >= query.enqueued_from;
        wanted = wanted && (query.enqueued_to == 0 || standing.enqueued_at < query.enqueued_to);
        wanted = wanted && (query.error_type.empty() ||
                            standing.error.find("\"type\":\"" + query.error_type + "\"") != std::string::npos);
        if (wanted) {
            found.push_back(&job);
        }
    }
    if (query.order == Order::newest_first) {
        std::reverse(found.begin(), found.end());
    }
    if (query.order == Order::next_to_run) {
        std::stable_sort(found.begin(), found.end(), [](const Known* a, const Known* b) { return a->line < b->line; });
    }
    for (const Known* job : found) {
        reply.ids.push_back(job->row.job.id);
    }
    const auto limit = static_cast<std::size_t>(query.limit);
    reply.count = static_cast<std::int64_t>(std::max<std::size_t>(1, (found.size() + limit - 1) / limit));
}

// --- What a reader sees -----------------------------------------------------------------------------------------
Snapshot Oracle::snapshot() const {
    Snapshot snapshot;
    const auto view = [&](Token token) {
        const auto known = lease_of_.find(token);
        return known == lease_of_.end() ? token : known->second + 1;
    };
    for (const auto& [name, queue] : queues_) {
        QueueCounts& counts = snapshot.counts.emplace_back();
        counts.queue = name;
        counts.settings = queue.settings;
        snapshot.next_due[name] = 0;
        for (const Known& job : jobs_) {
            if (job.row.job.queue != name) {
                continue;
            }
            const job::Standing& standing = job.row.standing;
            counts.by_state[static_cast<std::size_t>(standing.state)] += 1;
            const auto earliest = [&](Millis& of, State state) {
                if (standing.state == state && (of == 0 || standing.due_at < of)) {
                    of = standing.due_at;
                }
            };
            earliest(counts.oldest_ready_at, State::ready);
            earliest(snapshot.next_due[name], State::scheduled);
        }
    }
    for (const Known& job : jobs_) {
        JobRow& row = snapshot.rows.emplace_back(job.row);
        row.standing.token = view(row.standing.token);
        for (job::Attempt& attempt : row.history) {
            attempt.token = view(attempt.token);
        }
    }
    Reply line;
    ListRequest everything;
    everything.query.order = Order::next_to_run;
    list(everything, line);
    snapshot.next_to_run = line.ids;
    for (const auto& [task, counters] : counters_) {
        snapshot.counters.push_back(counters);
    }
    for (const auto& [id, worker] : workers_) {
        if (boot_ - worker.seen_lease_ms < 3'600'000) {
            snapshot.workers.push_back(worker);
            snapshot.workers.back().live = is_live(id);
        }
    }
    snapshot.outbox = outbox_;
    for (Store::OutboxRow& row : snapshot.outbox) {
        row.token = view(row.token);
    }
    return mask(std::move(snapshot));
}

Snapshot mask(Snapshot snapshot) {
    for (JobRow& row : snapshot.rows) {
        row.standing.reason = "";
    }
    snapshot.events.clear();
    drop_unused_queues(snapshot);
    return snapshot;
}

}  // namespace khala::store::random
