#include "store/random/world.hpp"

#include <algorithm>

#include "job/error_text.hpp"
#include "job/order_key.hpp"

namespace khala::store::random {
namespace {

job::Failure failure(const std::string& type, bool timeout) {
    return {{type, "Exception"}, job::to_text({type, {type, "Exception"}, "", ""}), timeout};
}

job::Outcome outcome_of(const Settlement& settlement) {
    switch (settlement.end) {
        case End::done: return job::Done{"{\"n\":" + std::to_string(settlement.lease) + "}"};
        case End::os_error: return failure("OSError", false);
        case End::value_error: return failure("ValueError", false);
        case End::timeout: return failure("HardTimeout", true);
        case End::retry_after: return job::RetryAfter{settlement.delay_ms, "later", ""};
        case End::retry_by_policy: return job::RetryAfter{-1, "later", ""};
        case End::snooze: return job::Snooze{settlement.delay_ms, "busy"};
        case End::cancel: return job::Cancel{"not needed"};
        case End::release: return job::Release{"shutdown"};
        case End::death: return job::Lapsed{true, false, true, false};
        case End::death_as_suspect: return job::Lapsed{true, false, true, true};
    }
    return job::Done{};
}

}  // namespace

template <typename T>
T World::take(Result<T> result, Reply& reply) {
    if (!result) {
        reply.error += std::string{base::name(result.error().code)} + ":" + result.error().field + " ";
        return T{};
    }
    return *std::move(result);
}

Move World::make_move(const Settlement& settlement) {
    if (settlement.repeat_of >= 0) {
        return sent_.at(static_cast<std::size_t>(settlement.repeat_of));
    }
    const Lease& lease = leases_.at(static_cast<std::size_t>(settlement.lease));
    Move move = job::decide(lease, outcome_of(settlement), opened_.clock->wall_ms(), rng_);
    move.cpu_ms = settlement.lease;
    move.peak_memory_bytes = 1'024;
    if (settlement.with_outbox) {
        move.outbox = {{"elsewhere", "{}"}, {"further", "[" + std::to_string(settlement.lease) + "]"}};
    }
    sent_.push_back(move);
    return move;
}

void World::keep_leases(const std::vector<Lease>& leases, Reply& reply) {
    for (const Lease& lease : leases) {
        if (!lease_of_.empty() && lease.standing.token <= lease_of_.rbegin()->first) {
            own_faults_.push_back("the lease of " + lease.job.id + " has a token that does not grow");
        }
        lease_of_[lease.standing.token] = static_cast<LeaseNo>(leases_.size());
        leases_.push_back(lease);
        reply.leases.push_back(lease.job.id);
    }
}

struct World::Runner {
    World& world;
    Reply& reply;

    void operator()(const ExchangeRequest& request) const {
        std::vector<InsertGroup> groups;
        for (const Group& group : request.groups) {
            InsertGroup& made = groups.emplace_back();
            made.actor = "producer";
            made.rows = group.rows;
            for (const JobSpec& spec : group.jobs) {
                made.jobs.push_back(spec.job);
            }
        }
        std::vector<Move> moves;
        for (const Settlement& settlement : request.settlements) {
            moves.push_back(world.make_move(settlement));
        }
        const Claim* claim = request.claim ? &*request.claim : nullptr;
        auto answer = world.take(world.store().exchange({.inserts = groups, .moves = moves, .claim = claim}), reply);
        reply.inserts = std::move(answer.inserts);
        reply.moves = std::move(answer.moves);
        reply.expired = std::move(answer.expired);
        reply.more = answer.more;
        world.keep_leases(answer.leases, reply);
    }
    void operator()(const ReapRequest& request) const {
        std::vector<Move> moves;
        for (const Lapse& lapse : world.take(world.store().lapsed(request.limit), reply)) {
            const job::Lapsed& cause = lapse.cause;
            reply.lapses.push_back({lapse.lease.job.id, cause.died, cause.explained, cause.started, cause.as_suspect});
            if (lapse.lease.standing.state == State::running) {
                moves.push_back(job::decide(lapse.lease, cause, world.opened_.clock->wall_ms(), world.rng_));
            }
        }
        RenewRequest between;
        between.lease_ms = 10'000;
        for (const LeaseNo lease : request.renew_between) {
            between.renewals.emplace_back(lease, std::nullopt);
        }
        world.renew(between, reply);
        reply.moves =
            world.take(world.store().exchange({.inserts = {}, .moves = moves, .claim = nullptr}), reply).moves;
    }
    void operator()(const RenewRequest& request) const { world.renew(request, reply); }
    void operator()(const ParkRequest& request) const {
        std::vector<Move> moves;
        for (const Lease& lease : world.take(world.store().unroutable(request.queues, request.limit), reply)) {
            reply.ids.push_back(lease.job.id);
            moves.push_back(job::decide(lease, job::Unroutable{}, world.opened_.clock->wall_ms(), world.rng_));
        }
        reply.moves =
            world.take(world.store().exchange({.inserts = {}, .moves = moves, .claim = nullptr}), reply).moves;
    }
    void operator()(const AnnounceRequest& request) const { note(world.store().announce(request.worker)); }
    void operator()(const RetireRequest& request) const { note(world.store().retire(request.worker)); }
    void operator()(const MarkRequest& request) const {
        if (request.lease < 0) {
            world.store().mark_ended(request.slot);
        } else {
            const Lease& lease = world.leases_.at(static_cast<std::size_t>(request.lease));
            world.store().mark_started(request.slot, lease.standing.token, request.as_suspect);
        }
    }
    void operator()(const FateRequest& request) const {
        world.opened_.hooks.set_fate(request.worker, {true, request.explained, false, false});
    }
    void operator()(const ManageRequest& request) const {
        reply.managed =
            world.take(world.store().manage(request.verb, request.ids, request.reason, request.actor), reply);
    }
    void operator()(const ChangeRequest& request) const { note(world.store().change_queue(request.change)); }
    void operator()(const PruneRequest& request) const {
        reply.count = world.take(world.store().prune(request.rule), reply);
    }
    void operator()(const DropRequest& request) const {
        std::vector<std::int64_t> numbers;
        for (const Store::OutboxRow& row : world.take(world.store().outbox(request.count), reply)) {
            numbers.push_back(row.number);
        }
        note(world.store().outbox_drop(numbers));
    }
    void operator()(const ListRequest& request) const {
        ListQuery query = request.query;
        do {
            const ListPage page = world.take(world.store().list(query), reply);
            for (const JobRow& row : page.rows) {
                reply.ids.push_back(row.job.id);
            }
            query.cursor = page.cursor;
            reply.count += 1;  // pages
        } while (!query.cursor.empty() && reply.count < 1'000);
    }
    void operator()(const AdvanceRequest& request) const {
        world.opened_.clock->advance(request.ms);
        if (request.wall_jump_ms != 0) {
            world.opened_.clock->set_wall_ms(world.opened_.clock->wall_ms() + request.wall_jump_ms);
        }
    }

    void note(const Status& status) const {
        if (!status) {
            reply.error += std::string{base::name(status.error().code)} + ":" + status.error().field + " ";
        }
    }
};

void World::renew(const RenewRequest& request, Reply& reply) {
    std::vector<Renewal> renewals;
    for (const auto& [number, progress] : request.renewals) {
        const Lease& lease = leases_.at(static_cast<std::size_t>(number));
        renewals.push_back({lease.ref, lease.job.id, lease.standing.token, progress});
    }
    reply.renewed = take(store().renew(renewals, request.lease_ms), reply);
}

Reply World::run(const Request& request) {
    Reply reply;
    std::visit(Runner{*this, reply}, request);
    return reply;
}

Token World::scrubbed(Token token) const {
    const auto known = lease_of_.find(token);
    return known == lease_of_.end() ? token : known->second + 1;  // others are 0 or imported
}

void World::scrub(JobRow& row, std::vector<std::string>& faults) const {
    if (row.standing.order_key < 0 || row.standing.order_key >= job::kOrderKeyLimit) {
        faults.push_back("the order key of " + row.job.id + " is not in [0, 2^53)");
    }
    row.ref = 0;
    row.standing.order_key = 0;
    row.standing.token = scrubbed(row.standing.token);
    for (job::Attempt& attempt : row.history) {
        attempt.token = scrubbed(attempt.token);
    }
}

Snapshot World::snapshot() {
    Snapshot snapshot;
    Reply errors;
    ListQuery query;
    query.limit = static_cast<int>(kListPage);
    query.with_history = true;
    snapshot.rows = take(store().list(query), errors).rows;
    query.order = Order::next_to_run;
    query.with_history = false;
    for (const JobRow& row : take(store().list(query), errors).rows) {
        snapshot.next_to_run.push_back(row.job.id);
    }
    std::vector<std::string> ids;
    for (JobRow& row : snapshot.rows) {
        scrub(row, snapshot.faults);
        ids.push_back(row.job.id);
    }
    const auto got = take(store().get(ids, true), errors);
    for (std::size_t i = 0; i < got.size(); ++i) {
        std::vector<std::string> ignored;
        JobRow row = got[i].value_or(JobRow{});
        scrub(row, ignored);
        if (row != snapshot.rows[i]) {
            snapshot.faults.push_back("get and list differ about " + ids[i] + ": " + to_text(row));
        }
    }
    snapshot.counts = take(store().counts(""), errors);
    for (const QueueCounts& counts : snapshot.counts) {
        snapshot.events[counts.queue] = take(store().events(counts.queue, 0, static_cast<int>(kListPage)), errors);
        snapshot.next_due[counts.queue] = take(store().next_due({&counts.queue, 1}), errors);
    }
    snapshot.counters = take(store().task_counters(), errors);
    snapshot.workers = take(store().workers(), errors);
    snapshot.outbox = take(store().outbox(static_cast<int>(kBatchJobs)), errors);
    for (Store::OutboxRow& row : snapshot.outbox) {
        row.number = 0;
        row.token = scrubbed(row.token);
    }
    for (std::string& fault : take(store().check(), errors)) {
        snapshot.faults.push_back("check(): " + std::move(fault));
    }
    snapshot.faults.insert(snapshot.faults.end(), own_faults_.begin(), own_faults_.end());
    if (!errors.error.empty()) {
        snapshot.faults.push_back("reading answered " + errors.error);
    }
    drop_unused_queues(snapshot);
    return snapshot;
}

}  // namespace khala::store::random
