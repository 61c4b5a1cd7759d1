#include "job/lifecycle.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "base/limits.hpp"
#include "base/plant.hpp"
#include "job/json_text.hpp"
#include "job/retry.hpp"

namespace khala::job {
namespace {

Millis later(Millis at, Millis wait_ms) noexcept {
    return wait_ms > std::numeric_limits<Millis>::max() - at ? std::numeric_limits<Millis>::max() : at + wait_ms;
}

// Of a job that is never retried: the policy that allows none.
Result<RetryPolicy> policy_of(const NewJob& job) {
    return job.retry.empty() ? Result<RetryPolicy>{RetryPolicy{}} : parse_retry(job.retry);
}

// What a job's row says when nothing changes but the state.
Move standing_move(const Lease& lease, State to, Millis now) {
    Move move;
    move.ref = lease.ref;
    move.id = lease.job.id;
    move.from = lease.standing.state;
    move.token = lease.standing.token;
    move.to = to;
    move.ended_at = now;
    move.due_at = lease.standing.due_at;
    move.attempt = lease.standing.attempt;
    move.failures = lease.standing.failures;
    move.snoozes = lease.standing.snoozes;
    move.crashes = lease.standing.crashes;
    move.suspect = lease.standing.suspect;
    return move;
}

void close(Move& move, State to, Millis result_ttl_ms) {
    const bool is_dead_letter = to == State::failed || to == State::quarantined;
    move.to = to;
    move.due_at = 0;
    move.keep_until = later(move.ended_at, is_dead_letter ? std::max(result_ttl_ms, kDeadLetterTtlMs) : result_ttl_ms);
}

void wait(Move& move, Millis delay_ms) {
    const Millis bounded = std::clamp<Millis>(delay_ms, 0, kBackoffCapMs);
    move.to = bounded > 0 ? State::scheduled : State::ready;
    move.due_at = later(move.ended_at, bounded);
}

std::string count_of(int n, std::string_view thing) {
    return std::to_string(n) + " " + std::string{thing} + (n == 1 ? "" : "s");
}

// One function an outcome: how the attempt ended, then where the job goes.
class Decision {
public:
    Decision(const Lease& lease, Millis now, Rng& rng, const Limits& limits)
        : lease_{lease}, rng_{rng}, limits_{limits}, move_{standing_move(lease, State::ready, now)} {}

    Move operator()(Done&& done) && {
        end(Ending::completed);
        move_.result = std::move(done.result);
        move_.suspect = KHALA_PLANT(suspect_not_cleared) && move_.suspect;
        finish(State::completed);
        return std::move(move_);
    }

    Move operator()(Failure&& failure) && {
        end(failure.timeout ? Ending::timed_out : Ending::failed);
        move_.error = std::move(failure.error);
        spend_budget(&failure.mro, -1);
        return std::move(move_);
    }

    Move operator()(RetryAfter&& retry) && {
        end(Ending::retried);
        move_.error = std::move(retry.error);
        move_.reason = std::move(retry.reason);
        spend_budget(nullptr, retry.delay_ms);
        return std::move(move_);
    }

    Move operator()(Snooze&& snooze) && {
        end(Ending::snoozed);
        move_.reason = std::move(snooze.reason);
        move_.snoozes += 1;
        move_.failures += KHALA_PLANT(snooze_spends_budget) ? 1 : 0;
        give_back();
        wait(move_, snooze.delay_ms);
        return std::move(move_);
    }

    Move operator()(Cancel&& cancel) && {
        end(Ending::cancelled);
        move_.reason = std::move(cancel.reason);
        finish(State::cancelled);
        return std::move(move_);
    }

    Move operator()(Release&& release) && {
        end(Ending::released);
        move_.reason = std::move(release.reason);
        if (!KHALA_PLANT(release_spends_attempt)) {
            give_back();
        }
        wait(move_, 0);
        return std::move(move_);
    }

    Move operator()(Lapsed&& lapsed) && {
        end(Ending::lapsed);
        move_.lease_until = lease_.standing.lease_until;
        if (!lapsed.started) {
            give_back();
        }
        wait(move_, 0);
        const bool is_death = lapsed.died || KHALA_PLANT(lapse_blames);
        if (is_death && !lapsed.explained && lapsed.started) {
            move_.suspect = true;
            if (lapsed.as_suspect) {
                blame();
            }
        }
        return std::move(move_);
    }

    Move operator()(Damaged&& damaged) && {
        assert(!is_closed(move_.from));
        if (move_.from == State::running) {
            end(Ending::lapsed);
        }
        move_.reason = std::move(damaged.reason);
        finish(State::quarantined);
        return std::move(move_);
    }

    Move operator()(Unroutable&&) && {
        assert(move_.from == State::ready);
        move_.to = State::parked;
        move_.reason = "no live worker knows task " + lease_.job.task;
        return std::move(move_);
    }

    Move operator()(Overdue&&) && {
        assert(is_legal(move_.from, State::expired));
        move_.reason = "not started by expires_at";
        finish(State::expired);
        return std::move(move_);
    }

private:
    void end(Ending ending) noexcept {
        assert(move_.from == State::running);
        move_.ending = ending;
    }

    void finish(State to) { close(move_, to, lease_.job.result_ttl_ms); }

    // The start does not count: the next claim has the same number again.
    void give_back() noexcept { move_.attempt = std::max(move_.attempt - 1, 0); }

    // `error_mro` null: the handler asked for a retry itself. Policies are read here and nowhere else, so that a
    // success does not pay for it.
    void spend_budget(const std::vector<std::string>* error_mro, Millis delay_ms) {
        move_.failures += 1;
        const Result<RetryPolicy> policy = policy_of(lease_.job);
        if (!policy) {  // checked at enqueue, so a newer version's or a damaged one
            return fail("the retry policy cannot be read: " + policy.error().to_string());
        }
        if (error_mro != nullptr && !covers(*policy, *error_mro)) {
            return fail((error_mro->empty() ? std::string{"this error"} : error_mro->front()) + " is not retried");
        }
        if (move_.failures > policy->max_retries + (KHALA_PLANT(retry_over_budget) ? 1 : 0)) {
            return fail("no retries left after " + count_of(move_.failures, "failure"));
        }
        const Millis by_policy = delay_ms < 0 ? backoff_ms(*policy, move_.failures, rng_) : delay_ms;
        wait(move_, KHALA_PLANT(retry_without_wait) ? 0 : by_policy);
    }

    // A handler that asked for another run has said why; that stays beside why there is none.
    void fail(std::string why) {
        if (!move_.reason.empty()) {
            why += ": ";
            why += move_.reason;
        }
        move_.reason = utf8_prefix(why, kReasonBytes);
        finish(State::failed);
    }

    void blame() {
        move_.ending = Ending::crashed;
        move_.crashes += 1;
        if (move_.crashes >= limits_.max_crashes) {
            move_.reason = "crashed " + count_of(move_.crashes, "worker");
            finish(State::quarantined);
        }
    }

    const Lease& lease_;
    Rng& rng_;
    const Limits& limits_;
    Move move_;
};

}  // namespace

int retries_left(const Lease& lease) {
    const auto policy = policy_of(lease.job);
    return policy ? std::max(policy->max_retries - lease.standing.failures, 0) : 0;
}

Move decide(const Lease& lease, Outcome outcome, Millis now, Rng& rng, const Limits& limits) {
    Move move = std::visit(
        [&](auto&& what) {
            return Decision{lease, now, rng, limits}(std::forward<decltype(what)>(what));
        },
        std::move(outcome));
    return heed_cancel(std::move(move), lease.standing, lease.job.result_ttl_ms);
}

Move heed_cancel(Move move, const Standing& current, Millis result_ttl_ms) {
    const bool is_damage = move.to == State::quarantined && move.ending != Ending::crashed;
    if (!current.cancel_requested || move.from != State::running || move.to == State::completed || is_damage) {
        return move;
    }
    if (KHALA_PLANT(cancel_lost_on_retry) && move.to == State::scheduled) {
        return move;
    }
    close(move, State::cancelled, result_ttl_ms);
    if (!current.reason.empty()) {
        move.reason = current.reason;  // the operator's words, not the handler's
    } else if (move.ending != Ending::cancelled || move.reason.empty()) {
        move.reason = "cancelled on request";
    }
    return move;
}

Move ready_move(const Lease& lease, Millis now) {
    assert(is_legal(lease.standing.state, State::ready));
    return standing_move(lease, State::ready, now);
}

bool is_overdue(const NewJob& job, const Standing& standing, Millis now) noexcept {
    return job.expires_at != 0 && job.expires_at <= now && standing.attempt == 0 &&
           is_legal(standing.state, State::expired);
}

std::optional<Move> cancel_move(const Lease& lease, std::string_view reason, std::string_view actor, Millis now) {
    if (lease.standing.state == State::running || !is_legal(lease.standing.state, State::cancelled)) {
        return std::nullopt;
    }
    Move move = standing_move(lease, State::cancelled, now);
    move.reason = reason_text("cancelled", actor, reason);
    close(move, State::cancelled, lease.job.result_ttl_ms);
    return move;
}

std::optional<Move> requeue_move(const Lease& lease, std::string_view reason, std::string_view actor, Millis now) {
    if (!is_legal(lease.standing.state, State::ready, Cause::requeue)) {
        return std::nullopt;
    }
    Move move = standing_move(lease, State::ready, now);
    move.due_at = now;
    move.failures = 0;
    move.snoozes = 0;
    move.crashes = 0;
    move.reason = reason_text("requeued", actor, reason);
    return move;
}

std::string reason_text(std::string_view what, std::string_view actor, std::string_view reason) {
    std::string text{what};
    if (!actor.empty()) {
        text.append(" by ").append(actor);
    }
    if (!reason.empty()) {
        text.append(": ").append(reason);
    }
    return std::string{utf8_prefix(text, kReasonBytes)};
}

}  // namespace khala::job
