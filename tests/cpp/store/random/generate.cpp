#include "store/random/generate.hpp"

#include <algorithm>
#include <array>

namespace khala::store::random {
namespace {

constexpr Millis kDay = Millis{24} * 3'600 * 1'000;
constexpr Token kForeignTokens = 4'000'000'000'000'000;

class Maker {
public:
    Maker(std::uint64_t seed, const Taste& taste, const Oracle& oracle) : rng_{seed}, taste_{taste}, oracle_{oracle} {}

    Request make() {
        const std::uint64_t kind = below(100);
        if (kind < 12) {
            return advance();
        }
        if (kind < 17 && taste_.reaps) {
            return reap();
        }
        if (kind < 23 && taste_.renews && oracle_.lease_count() > 0) {
            return renew();
        }
        if (kind < 26 && taste_.parks) {
            return ParkRequest{some_queues(), chance(80) ? 100 : 1};
        }
        if (kind < 30 && taste_.announces) {
            return announce();
        }
        if (kind < 34 && taste_.marks && oracle_.lease_count() > 0) {
            return MarkRequest{static_cast<int>(below(3)), chance(80) ? some_lease() : -1, chance(30)};
        }
        if (kind < 36 && taste_.fates) {
            return FateRequest{some_worker(), chance(25)};
        }
        if (kind < 43 && taste_.manages) {
            return manage();
        }
        if (kind < 46 && taste_.changes) {
            return change();
        }
        if (kind < 50 && taste_.prunes) {
            return prune();
        }
        if (kind < 54 && taste_.lists) {
            return list();
        }
        return exchange();
    }

private:
    std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }
    bool chance(std::uint64_t percent) { return below(100) < percent; }
    template <typename T, std::size_t n>
    T one_of(const std::array<T, n>& values) {
        return values.at(below(n));
    }

    std::string some_id() { return "j" + std::to_string(below(taste_.id_count)); }
    std::string some_queue() { return one_of(std::array<std::string, 3>{"q", "r", "s"}); }
    std::string some_task() { return one_of(std::array<std::string, 4>{"t", "t", "u", "v"}); }
    std::vector<std::string> some_of(const std::vector<std::string>& all, std::uint64_t percent) {
        std::vector<std::string> some;
        for (const std::string& one : all) {
            if (chance(percent)) {
                some.push_back(one);
            }
        }
        return some;
    }
    std::vector<std::string> some_queues() { return some_of({"q", "r", "s"}, 75); }
    std::vector<std::string> some_tasks() { return some_of({"t", "u", "v"}, 85); }

    // One that is not dead, so that a dead one is not seen to work.
    std::string some_worker() {
        for (int generation = 0;; ++generation) {
            std::string name = "w" + std::to_string(generation) + "." + std::to_string(below(3));
            if (!oracle_.is_dead(name)) {
                return name;
            }
        }
    }
    LeaseNo any_lease() { return static_cast<LeaseNo>(below(static_cast<std::uint64_t>(oracle_.lease_count()))); }
    LeaseNo some_lease() {
        const auto open = oracle_.open_leases();
        return open.empty() || (taste_.late && chance(15)) ? any_lease() : open.at(below(open.size()));
    }

    JobSpec job() {
        JobSpec spec;
        spec.job.id = some_id();
        spec.job.queue = some_queue();
        spec.job.task = some_task();
        spec.job.payload = "[" + std::to_string(below(10)) + "]";
        spec.job.priority = one_of(std::array{0, 2, 5, 5, 5, 8, 10, 255});
        spec.job.result_ttl_ms = one_of(std::array<Millis, 3>{0, 2'000, 60'000});
        if (chance(25)) {
            spec.job.run_at = oracle_.wall_ms() + static_cast<Millis>(below(5'000));
        }
        if (chance(15)) {
            spec.job.expires_at = std::max(spec.job.run_at, oracle_.wall_ms()) + static_cast<Millis>(below(3'000));
        }
        if (chance(60)) {
            spec.policy.max = static_cast<int>(1 + below(3));
            spec.policy.first_ms = one_of(std::array<Millis, 3>{0, 10, 1'000});
            spec.policy.step_ms = one_of(std::array<Millis, 2>{0, 500});
            spec.policy.spares_value = chance(30);
            spec.policy.only_os = chance(20);
        }
        spec.job.retry = policy_text(spec.policy);
        return spec;
    }

    // A row of another store. Its tokens are far above all that stores hand out meanwhile, which may be times in
    // microseconds.
    JobRow row() {
        JobRow row;
        JobSpec spec = job();
        spec.job.retry = "";
        spec.job.run_at = 0;
        spec.job.expires_at = 0;
        row.job = spec.job;
        row.standing.state = static_cast<State>(below(job::kStateCount));
        row.standing.enqueued_at = oracle_.wall_ms() - static_cast<Millis>(below(100'000));
        row.standing.due_at = row.standing.enqueued_at + static_cast<Millis>(below(200'000));
        row.standing.attempt = static_cast<int>(below(3));
        row.standing.crashes = static_cast<int>(below(2));
        row.standing.suspect = chance(20);
        const Token base = kForeignTokens + 1'000'000 * (1 + static_cast<Token>(oracle_.import_count()));
        for (int n = 1; n <= row.standing.attempt; ++n) {
            job::Attempt attempt;
            attempt.number = n;
            attempt.started_at = row.standing.enqueued_at;
            attempt.ended_at = row.standing.enqueued_at + n;
            attempt.worker = "far";
            attempt.outcome = "failed";
            attempt.token = base + n;
            row.history.push_back(attempt);
            row.standing.token = attempt.token;
            row.standing.worker = "far";
        }
        if (job::is_closed(row.standing.state)) {
            row.standing.closed_at = oracle_.wall_ms() - static_cast<Millis>(below(50'000));
            row.standing.keep_until = row.standing.closed_at + static_cast<Millis>(below(100'000));
            row.standing.result = row.standing.state == State::completed ? "1" : "";
        }
        return row;
    }

    Settlement settlement() {
        Settlement settlement;
        if (taste_.late && oracle_.sent_count() > 0 && chance(8)) {
            settlement.repeat_of = static_cast<int>(below(static_cast<std::uint64_t>(oracle_.sent_count())));
            return settlement;
        }
        settlement.lease = some_lease();
        settlement.end = one_of(std::array{End::done, End::done, End::os_error, End::os_error, End::value_error,
                                           End::timeout, End::retry_after, End::retry_by_policy, End::snooze,
                                           End::cancel, End::release, End::release, End::death, End::death_as_suspect});
        if (!taste_.suspects && (settlement.end == End::death || settlement.end == End::death_as_suspect)) {
            settlement.end = End::done;
        }
        if (settlement.end == End::retry_after || settlement.end == End::snooze) {
            settlement.delay_ms = one_of(std::array<Millis, 3>{0, 50, 2'000});
        }
        settlement.with_outbox = chance(15);
        return settlement;
    }

    Claim claim() {
        Claim claim;
        claim.worker = some_worker();
        for (const std::string& queue : some_queues()) {
            claim.queues.push_back({queue, static_cast<int>(below(4))});
        }
        claim.limit = static_cast<int>(below(5));
        claim.lease_ms = one_of(std::array<Millis, 3>{500, 1'000, 10'000});
        claim.tasks = some_tasks();
        claim.suspects =
            one_of(std::array{Suspects::none, Suspects::at_most_one, Suspects::at_most_one, Suspects::only});
        return claim;
    }

    Request exchange() {
        ExchangeRequest request;
        if (chance(45)) {
            for (std::uint64_t groups = 1 + below(2); groups > 0; --groups) {
                Group& group = request.groups.emplace_back();
                for (std::uint64_t jobs = below(4); jobs > 0; --jobs) {
                    group.jobs.push_back(job());
                }
                if (taste_.imports && chance(10)) {
                    group.rows.push_back(row());
                }
            }
        }
        if (chance(60) && oracle_.lease_count() > 0) {
            for (std::uint64_t moves = 1 + below(4); moves > 0; --moves) {
                request.settlements.push_back(settlement());
            }
        }
        if (chance(60)) {
            request.claim = claim();
        }
        return request;
    }

    Request reap() {
        ReapRequest request;
        request.limit = chance(70) ? 100 : 1;
        if (taste_.renews && chance(40)) {
            for (const LeaseNo lease : oracle_.open_leases()) {
                if (chance(50)) {
                    request.renew_between.push_back(lease);
                }
            }
        }
        return request;
    }

    Request renew() {
        RenewRequest request;
        for (std::uint64_t count = below(5); count > 0; --count) {
            std::optional<Progress> progress;
            if (chance(30)) {
                progress = Progress{static_cast<std::int64_t>(below(9)), 9, "part"};
            }
            request.renewals.emplace_back(some_lease(), progress);
        }
        request.lease_ms = one_of(std::array<Millis, 3>{0, 1'000, 10'000});
        return request;
    }

    Request announce() {
        if (chance(20)) {
            return RetireRequest{some_worker()};
        }
        AnnounceRequest request;
        request.worker.id = some_worker();
        request.worker.queues = some_queues();
        request.worker.tasks = some_tasks();
        request.worker.slots = 3;
        request.worker.pid = 7;
        return request;
    }

    Request manage() {
        ManageRequest request;
        request.verb = one_of(std::array{Verb::cancel, Verb::remove, Verb::requeue});
        for (std::uint64_t count = 1 + below(3); count > 0; --count) {
            request.ids.push_back(some_id());
        }
        request.reason = chance(50) ? "because" : "";
        request.actor = "ops";
        return request;
    }

    Request change() {
        ChangeRequest request;
        request.change.queue = some_queue();
        request.change.actor = "ops";
        switch (below(4)) {
            case 0: request.change.paused = chance(50); break;
            case 1: request.change.max_length = one_of(std::array<std::int64_t, 4>{0, 0, 3, 6}); break;
            case 2: request.change.ageing_ms = one_of(std::array<Millis, 3>{0, 100, 1'000}); break;
            default: request.change.log_moves = chance(70); break;
        }
        return request;
    }

    Request prune() {
        PruneRequest request;
        if (chance(30)) {
            return DropRequest{static_cast<int>(1 + below(3))};
        }
        request.rule.queue = chance(40) ? some_queue() : "";
        if (chance(30)) {
            request.rule.states = {State::completed, State::failed};
        }
        if (chance(25)) {
            request.rule.closed_before = oracle_.wall_ms() - static_cast<Millis>(below(5'000));
        }
        if (chance(25)) {
            request.rule.keep_count = static_cast<std::int64_t>(below(3));
        }
        request.rule.limit = chance(70) ? 1'000 : 1;
        return request;
    }

    Request list() {
        ListRequest request;
        request.query.order = one_of(std::array{Order::oldest_first, Order::newest_first, Order::next_to_run});
        request.query.limit = static_cast<int>(1 + below(5));
        request.query.queue = chance(40) ? some_queue() : "";
        request.query.task = chance(20) ? some_task() : "";
        if (chance(30)) {
            request.query.states = {State::ready, State::scheduled, State::failed};
        }
        request.query.error_type = chance(15) ? "OSError" : "";
        if (chance(20)) {
            request.query.enqueued_from = oracle_.wall_ms() - static_cast<Millis>(below(5'000));
        }
        return request;
    }

    Request advance() {
        AdvanceRequest request;
        request.ms = static_cast<Millis>(below(1'500));
        if (chance(15)) {
            request.ms = 20'000 + static_cast<Millis>(below(40'000));
        }
        if (taste_.jumps && chance(4)) {
            request.ms = kDay + kDay / 24;  // ids removed before are forgotten, whatever the jumps below do
        }
        if (taste_.jumps && chance(2)) {
            request.ms = 31 * kDay;
        }
        if (taste_.jumps && chance(8)) {
            request.wall_jump_ms = static_cast<Millis>(below(240'000)) - 120'000;
        }
        return request;
    }

    Rng rng_;
    const Taste& taste_;
    const Oracle& oracle_;
};

}  // namespace

Taste make_taste(std::uint64_t seed, bool can_kill) {
    Rng rng{seed};
    Taste taste;
    taste.id_count = std::array<std::uint64_t, 4>{2, 6, 20, 40}.at(rng.below(4));
    for (bool* kind :
         {&taste.imports, &taste.reaps, &taste.renews, &taste.parks, &taste.announces, &taste.marks, &taste.fates,
          &taste.manages, &taste.changes, &taste.prunes, &taste.lists, &taste.suspects, &taste.jumps, &taste.late}) {
        *kind = rng.below(3) != 0;
    }
    taste.fates = taste.fates && can_kill;
    return taste;
}

Request make_request(std::uint64_t step_seed, const Taste& taste, const Oracle& oracle) {
    return Maker{step_seed, taste, oracle}.make();
}

}  // namespace khala::store::random
