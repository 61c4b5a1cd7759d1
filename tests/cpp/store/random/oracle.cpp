#include "store/random/oracle.hpp"

#include <algorithm>
#include <initializer_list>

namespace khala::store::random {
namespace {

constexpr Millis kThirtyDays = Millis{30} * 24 * 3'600 * 1'000;
constexpr std::size_t kKeptAttempts = 32;

bool one_of(State state, std::initializer_list<State> states) {
    return std::find(states.begin(), states.end(), state) != states.end();
}

bool waits(State state) {
    return one_of(state, {State::scheduled, State::ready, State::blocked, State::parked});
}

bool closed(State state) {
    return one_of(state, {State::completed, State::failed, State::cancelled, State::expired, State::quarantined});
}

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool overdue(const JobRow& row, Millis now) {
    return row.job.expires_at != 0 && row.job.expires_at <= now && row.standing.attempt == 0 &&
           waits(row.standing.state);
}

std::string error_text(const std::string& type) {
    return R"({"type":")" + type + R"(","mro":[")" + type + R"(","Exception"],"message":"","traceback":""})";
}

void cut(std::vector<job::Attempt>& history) {
    while (history.size() > kKeptAttempts) {
        history.erase(history.begin());
    }
}

}  // namespace

// --- Small questions --------------------------------------------------------------------------------------------
Oracle::Known* Oracle::find(const std::string& id) {
    for (Known& job : jobs_) {
        if (job.row.job.id == id) {
            return &job;
        }
    }
    return nullptr;
}

std::vector<LeaseNo> Oracle::open_leases() const {
    std::vector<LeaseNo> open;
    for (const Known& job : jobs_) {
        if (job.row.standing.state == State::running) {
            open.push_back(lease_of_.at(job.row.standing.token));
        }
    }
    return open;
}

std::int64_t Oracle::waiting_in(const std::string& queue) const {
    return std::count_if(jobs_.begin(), jobs_.end(),
                         [&](const Known& job) { return job.row.job.queue == queue && waits(job.row.standing.state); });
}

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

bool Oracle::is_live(const std::string& worker) const {
    return !dead_.contains(worker) && boot_ - workers_.at(worker).seen_lease_ms < 30'000;
}

bool Oracle::knows(const std::string& worker, const Known& job) const {
    const WorkerInfo& info = workers_.at(worker);
    return is_live(worker) && has(info.queues, job.row.job.queue) && has(info.tasks, job.row.job.task);
}

// --- Requests ---------------------------------------------------------------------------------------------------
Reply Oracle::run(const Request& request) {
    Reply reply;
    struct Dispatch {
        Oracle& o;
        Reply& reply;
        void operator()(const ExchangeRequest& r) const { o.exchange(r, reply); }
        void operator()(const ReapRequest& r) const { o.reap(r, reply); }
        void operator()(const RenewRequest& r) const { o.renew(r, reply); }
        void operator()(const ParkRequest& r) const { o.park(r, reply); }
        void operator()(const AnnounceRequest& r) const { o.announce(r); }
        void operator()(const RetireRequest& r) const { o.workers_.erase(r.worker); }
        void operator()(const MarkRequest& r) const {
            o.marks_.erase(r.slot);
            if (r.lease >= 0) {
                o.marks_[r.slot] = {o.leases_.at(static_cast<std::size_t>(r.lease)).row.standing.token, r.as_suspect};
            }
        }
        void operator()(const FateRequest& r) const { o.die(r); }
        void operator()(const ManageRequest& r) const { o.manage(r, reply); }
        void operator()(const ChangeRequest& r) const { o.change(r); }
        void operator()(const PruneRequest& r) const { o.prune(r, reply); }
        void operator()(const DropRequest& r) const {
            const auto count = std::min(o.outbox_.size(), static_cast<std::size_t>(r.count));
            o.outbox_.erase(o.outbox_.begin(), o.outbox_.begin() + static_cast<std::ptrdiff_t>(count));
        }
        void operator()(const ListRequest& r) const { o.list(r, reply); }
        void operator()(const AdvanceRequest& r) const {
            o.wall_ += r.ms + r.wall_jump_ms;
            o.boot_ += r.ms;
        }
    };
    std::visit(Dispatch{*this, reply}, request);
    return reply;
}

void Oracle::exchange(const ExchangeRequest& request, Reply& reply) {
    for (const Group& group : request.groups) {
        reply.inserts.push_back(insert(group));
    }
    std::vector<Effect> effects;
    for (const Settlement& settlement : request.settlements) {
        if (settlement.repeat_of >= 0) {
            effects.push_back(sent_.at(static_cast<std::size_t>(settlement.repeat_of)));
        } else {
            effects.push_back(effect_of(settlement));
            sent_.push_back(effects.back());
        }
    }
    for (Effect& effect : effects) {
        reply.moves.push_back(settle(std::move(effect)));
    }
    if (request.claim) {
        sweep(*request.claim, reply);
        claim(*request.claim, reply);
    }
}

std::vector<Inserted> Oracle::insert(const Group& group) {
    std::vector<Inserted> verdicts;
    std::set<std::string> taken;
    std::map<std::string, std::int64_t> joining;
    const auto judge = [&](const NewJob& job, bool waiting, bool running) {
        const auto remembered = removed_.find(job.id);
        const bool seen = find(job.id) != nullptr || taken.contains(job.id);
        if (seen) {
            return Inserted::exists;
        }
        if (remembered != removed_.end() && remembered->second > wall_) {
            return Inserted::exists;
        }
        if (running) {
            return Inserted::refused;
        }
        const auto queue = queues_.find(job.queue);
        const std::int64_t most = queue == queues_.end() ? 0 : queue->second.settings.max_length;
        if (waiting && most > 0 && waiting_in(job.queue) + joining[job.queue] + 1 > most) {
            return Inserted::full;
        }
        taken.insert(job.id);
        joining[job.queue] += waiting ? 1 : 0;
        return Inserted::inserted;
    };
    for (const JobSpec& spec : group.jobs) {
        verdicts.push_back(judge(spec.job, true, false));
    }
    imports_ += static_cast<int>(group.rows.size());
    for (const JobRow& row : group.rows) {
        verdicts.push_back(judge(row.job, !closed(row.standing.state), row.standing.state == State::running));
    }
    const bool spoiled = std::any_of(verdicts.begin(), verdicts.end(), [](Inserted verdict) {
        return verdict == Inserted::full || verdict == Inserted::refused;
    });
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        if (verdicts[i] != Inserted::inserted) {
            continue;
        }
        if (spoiled) {
            verdicts[i] = Inserted::refused;
        } else if (i < group.jobs.size()) {
            JobRow row;
            row.job = group.jobs[i].job;
            row.standing.state = row.job.run_at > wall_ ? State::scheduled : State::ready;
            row.standing.enqueued_at = wall_;
            row.standing.due_at = row.job.run_at > wall_ ? row.job.run_at : wall_;
            add(row, group.jobs[i].policy);
        } else {
            add(group.rows[i - group.jobs.size()], Policy{});
        }
    }
    return verdicts;
}

void Oracle::add(JobRow row, const Policy& policy) {
    last_token_ = std::max(last_token_, row.standing.token);
    for (const job::Attempt& attempt : row.history) {
        last_token_ = std::max(last_token_, attempt.token);
    }
    row.ref = 0;
    row.standing.order_key = 0;
    cut(row.history);
    queues_[row.job.queue];
    const double line = line_of(row, ++sequence_);
    jobs_.push_back({std::move(row), policy, ++inserted_, line});
}

// --- Settling ---------------------------------------------------------------------------------------------------
Oracle::Effect Oracle::effect_of(const Settlement& settlement) const {
    const Held& held = leases_.at(static_cast<std::size_t>(settlement.lease));
    const job::Standing& was = held.row.standing;
    Effect effect;
    effect.id = held.row.job.id;
    effect.token = was.token;
    effect.at = wall_;
    effect.attempt = was.attempt;
    effect.failures = was.failures;
    effect.snoozes = was.snoozes;
    effect.crashes = was.crashes;
    effect.suspect = was.suspect;
    effect.cpu_ms = settlement.lease;
    effect.memory = 1'024;
    effect.keep_until = wall_ + held.row.job.result_ttl_ms;
    if (settlement.with_outbox) {
        effect.outbox = {{"elsewhere", "{}"}, {"further", "[" + std::to_string(settlement.lease) + "]"}};
    }
    const auto wait = [&](Millis delay_ms) {
        effect.to = delay_ms > 0 ? State::scheduled : State::ready;
        effect.due_at = wall_ + delay_ms;
    };
    const Policy& policy = held.policy;
    const Millis by_policy = policy.first_ms + std::min(was.failures, 7) * policy.step_ms;
    switch (settlement.end) {
        case End::done:
            effect.ending = "completed";
            effect.to = State::completed;
            effect.result = "{\"n\":" + std::to_string(settlement.lease) + "}";
            effect.suspect = false;
            break;
        case End::os_error:
            effect.ending = "failed";
            effect.error = error_text("OSError");
            fail_or_wait(effect, held, true, by_policy);
            break;
        case End::value_error:
            effect.ending = "failed";
            effect.error = error_text("ValueError");
            fail_or_wait(effect, held, !policy.spares_value && !policy.only_os, by_policy);
            break;
        case End::timeout:
            effect.ending = "timed_out";
            effect.error = error_text("HardTimeout");
            fail_or_wait(effect, held, !policy.only_os, by_policy);
            break;
        case End::retry_after:
            effect.ending = "retried";
            fail_or_wait(effect, held, true, settlement.delay_ms);
            break;
        case End::retry_by_policy:
            effect.ending = "retried";
            fail_or_wait(effect, held, true, by_policy);
            break;
        case End::snooze:
            effect.ending = "snoozed";
            effect.attempt -= 1;
            effect.snoozes += 1;
            wait(settlement.delay_ms);
            break;
        case End::cancel:
            effect.ending = "cancelled";
            effect.to = State::cancelled;
            break;
        case End::release:
            effect.ending = "released";
            effect.attempt -= 1;
            wait(0);
            break;
        case End::death_as_suspect: effect.crashes += 1; [[fallthrough]];
        case End::death:
            effect.lease_until = was.lease_until;
            effect.ending = settlement.end == End::death ? "lapsed" : "crashed";
            effect.suspect = true;
            wait(0);
            if (settlement.end == End::death_as_suspect && effect.crashes >= 3) {
                effect.to = State::quarantined;
                effect.keep_until = wall_ + std::max(held.row.job.result_ttl_ms, kThirtyDays);
            }
            break;
    }
    return effect;
}

void Oracle::fail_or_wait(Effect& effect, const Held& held, bool covered, Millis wait_ms) const {
    effect.failures += 1;
    if (covered && effect.failures <= held.policy.max) {
        effect.to = wait_ms > 0 ? State::scheduled : State::ready;
        effect.due_at = wall_ + wait_ms;
    } else {
        effect.to = State::failed;
        effect.keep_until = wall_ + std::max(held.row.job.result_ttl_ms, kThirtyDays);
    }
}

Moved Oracle::settle(Effect effect) {
    Known* job = find(effect.id);
    if (job == nullptr) {
        return Moved::missing;
    }
    const job::Standing& standing = job->row.standing;
    const bool running = effect.from == State::running;
    bool matches = standing.state == effect.from;
    matches = matches && (!running || standing.token == effect.token);
    matches = matches && (effect.lease_until == 0 || standing.lease_until == effect.lease_until);
    if (!matches) {
        return running ? late(*job, effect) : Moved::lost;
    }
    Moved answer = Moved::applied;
    if (running && standing.cancel_requested && effect.to != State::completed) {
        answer = effect.to == State::cancelled ? Moved::applied : Moved::cancelled;
        effect.to = State::cancelled;
        effect.keep_until = effect.at + job->row.job.result_ttl_ms;
    }
    move(*job, effect);
    return answer;
}

void Oracle::move(Known& job, const Effect& effect) {
    job::Standing& standing = job.row.standing;
    count(job, effect);
    if (!effect.ending.empty()) {
        for (job::Attempt& attempt : job.row.history) {
            if (attempt.token == standing.token && attempt.outcome == "running") {
                attempt.ended_at = effect.at;
                attempt.outcome = effect.ending;
                attempt.error = effect.error;
                attempt.cpu_ms = effect.cpu_ms;
                attempt.peak_memory_bytes = effect.memory;
            }
        }
    }
    standing.state = effect.to;
    standing.attempt = effect.attempt;
    standing.failures = effect.failures;
    standing.snoozes = effect.snoozes;
    standing.crashes = effect.crashes;
    standing.suspect = effect.suspect;
    standing.cancel_requested = false;
    standing.lease_until = 0;
    standing.result = effect.to == State::completed ? effect.result : "";
    standing.closed_at = closed(effect.to) ? effect.at : 0;
    standing.keep_until = closed(effect.to) ? effect.keep_until : 0;
    if (!closed(effect.to)) {
        standing.due_at = effect.due_at;
    }
    if (effect.to == State::completed) {
        standing.error = "";
    } else if (!effect.error.empty()) {
        standing.error = effect.error;
    }
    for (const job::OutboxEntry& entry : effect.outbox) {
        outbox_.push_back({0, effect.id, effect.token, entry});
    }
}

Moved Oracle::late(Known& job, const Effect& effect) {
    auto& history = job.row.history;
    job::Attempt note;
    note.number = effect.attempt;
    std::size_t behind = 0;
    for (std::size_t i = 0; i < history.size(); ++i) {
        const job::Attempt& attempt = history[i];
        behind = attempt.token <= effect.token ? i + 1 : behind;
        if (attempt.token != effect.token) {
            continue;
        }
        if (attempt.ended_at == effect.at && attempt.outcome == effect.ending) {
            return Moved::applied;
        }
        if (attempt.ended_at == effect.at && attempt.outcome == "late " + effect.ending) {
            return Moved::lost;
        }
        note.number = attempt.number;
        note.worker = attempt.worker;
    }
    if (effect.ending == "released" || effect.ending == "lapsed" || effect.ending == "crashed") {
        return Moved::lost;
    }
    note.ended_at = effect.at;
    note.outcome = "late " + effect.ending;
    note.error = effect.error;
    note.result = effect.result;
    note.cpu_ms = effect.cpu_ms;
    note.peak_memory_bytes = effect.memory;
    note.token = effect.token;
    history.insert(history.begin() + static_cast<std::ptrdiff_t>(behind), note);
    cut(history);
    return Moved::lost;
}

void Oracle::count(const Known& job, const Effect& effect) {
    if (effect.ending.empty() || effect.attempt < job.row.standing.attempt) {
        return;
    }
    TaskCounters& counters = counters_[job.row.job.task];
    counters.task = job.row.job.task;
    counters.runs += 1;
    counters.last_run_at = effect.at;
    counters.duration_sum_ms += std::max<Millis>(0, effect.at - job.row.standing.started_at);
    if (effect.ending == "completed") {
        counters.completed += 1;
        counters.consecutive_failures = 0;
    }
    if (has({"failed", "timed_out", "retried", "crashed"}, effect.ending)) {
        counters.failures += 1;
        counters.consecutive_failures += 1;
        counters.last_failure_at = effect.at;
    }
}

// --- Claiming ---------------------------------------------------------------------------------------------------
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
    cut(job.row.history);
    lease_of_[standing.token] = lease_count();
    leases_.push_back({job.row, job.policy});
    reply.leases.push_back(job.row.job.id);
}

}  // namespace khala::store::random
