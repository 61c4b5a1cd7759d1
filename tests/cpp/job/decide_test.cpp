#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "base/limits.hpp"
#include "job/lifecycle.hpp"
#include "job/retry.hpp"

namespace khala::job {
namespace {

constexpr Millis kNow = 1'767'225'600'000;
constexpr Millis kTtl = 60'000;
constexpr std::string_view kFixed = R"({"kind":"fixed","max":2,"base_ms":1000,"not_on":["ValueError"]})";

Lease running_lease(std::string_view retry = kFixed) {
    Lease lease;
    lease.ref = 17;
    lease.job.id = "j1";
    lease.job.queue = "q";
    lease.job.task = "t";
    lease.job.retry = retry;
    lease.job.result_ttl_ms = kTtl;
    lease.standing.state = State::running;
    lease.standing.attempt = 1;
    lease.standing.token = 99;
    lease.standing.lease_until = 5'000;
    lease.standing.started_at = kNow - 10;
    lease.standing.due_at = kNow - 20;
    return lease;
}

Move decided(const Lease& lease, Outcome outcome, const Limits& limits = {}) {
    Rng rng{1};
    return decide(lease, std::move(outcome), kNow, rng, limits);
}

Failure failure(std::string type = "OSError", bool timeout = false) {
    return {{std::move(type), "Exception"}, R"({"type":"x"})", timeout};
}

// --- One outcome at a time --------------------------------------------------------------------------------------
TEST(Decide, CarriesWhatTheMoveIsGuardedBy) {
    const Move move = decided(running_lease(), Done{});
    EXPECT_EQ(move.ref, 17);
    EXPECT_EQ(move.id, "j1");
    EXPECT_EQ(move.from, State::running);
    EXPECT_EQ(move.token, 99);
    EXPECT_EQ(move.lease_until, 0);
    EXPECT_EQ(move.ended_at, kNow);
}

TEST(Decide, DoneCompletesAndClearsSuspicion) {
    Lease lease = running_lease();
    lease.standing.suspect = true;
    lease.standing.crashes = 2;
    const Move move = decided(lease, Done{"[1]"});
    EXPECT_EQ(move.to, State::completed);
    EXPECT_EQ(move.ending, Ending::completed);
    EXPECT_EQ(move.result, "[1]");
    EXPECT_FALSE(move.suspect);
    EXPECT_EQ(move.crashes, 2);
    EXPECT_EQ(move.keep_until, kNow + kTtl);
}

TEST(Decide, DoneDoesNotReadTheRetryPolicy) {
    EXPECT_EQ(decided(running_lease("no policy at all"), Done{}).to, State::completed);
}

TEST(Decide, AFailureIsRetriedAsOftenAsThePolicySays) {
    Lease lease = running_lease();
    Move move = decided(lease, failure());
    EXPECT_EQ(move.to, State::scheduled);
    EXPECT_EQ(move.ending, Ending::failed);
    EXPECT_EQ(move.failures, 1);
    EXPECT_EQ(move.due_at, kNow + 1'000);
    EXPECT_EQ(move.error, R"({"type":"x"})");
    EXPECT_EQ(retries_left(lease), 2);
    lease.standing.failures = 1;
    EXPECT_EQ(decided(lease, failure()).to, State::scheduled);
    EXPECT_EQ(retries_left(lease), 1);
    lease.standing.failures = 2;
    EXPECT_EQ(retries_left(lease), 0);
    move = decided(lease, failure());
    EXPECT_EQ(move.to, State::failed);
    EXPECT_EQ(move.failures, 3);
    EXPECT_EQ(move.reason, "no retries left after 3 failures");
}

TEST(Decide, WithoutAPolicyTheFirstFailureIsTheLast) {
    for (const std::string_view none : {"", R"({"kind":"none"})"}) {
        const Move move = decided(running_lease(none), failure());
        EXPECT_EQ(move.to, State::failed);
        EXPECT_EQ(move.reason, "no retries left after 1 failure");
        EXPECT_EQ(retries_left(running_lease(none)), 0);
    }
}

TEST(Decide, AClassThatIsNotRetriedFailsAtOnceAndSaysWhich) {
    const Move move = decided(running_lease(), failure("ValueError"));
    EXPECT_EQ(move.to, State::failed);
    EXPECT_EQ(move.reason, "ValueError is not retried");
}

TEST(Decide, AnUnreadablePolicyFailsTheJobAndSaysSo) {
    const Move move = decided(running_lease("{"), failure());
    EXPECT_EQ(move.to, State::failed);
    EXPECT_NE(move.reason.find("policy cannot be read"), std::string::npos);
    EXPECT_EQ(retries_left(running_lease("{")), 0);
}

TEST(Decide, ATimeoutIsAFailureWithItsOwnName) {
    const Move move = decided(running_lease(), failure("HardTimeout", true));
    EXPECT_EQ(move.ending, Ending::timed_out);
    EXPECT_EQ(move.failures, 1);
    EXPECT_EQ(move.to, State::scheduled);
}

TEST(Decide, ARetryWithoutWaitIsReadyAtOnce) {
    const Move move = decided(running_lease(R"({"kind":"fixed","max":1,"base_ms":0})"), failure());
    EXPECT_EQ(move.to, State::ready);
    EXPECT_EQ(move.due_at, kNow);
}

TEST(Decide, RetryAfterTakesItsOwnDelayOrThePolicys) {
    EXPECT_EQ(decided(running_lease(), RetryAfter{7, "later", ""}).due_at, kNow + 7);
    EXPECT_EQ(decided(running_lease(), RetryAfter{-1, "", ""}).due_at, kNow + 1'000);
    EXPECT_EQ(decided(running_lease(), RetryAfter{0, "", ""}).to, State::ready);
    const Move move = decided(running_lease(), RetryAfter{7, "later", "{}"});
    EXPECT_EQ(move.ending, Ending::retried);
    EXPECT_EQ(move.failures, 1);
    EXPECT_EQ(move.reason, "later");
    EXPECT_EQ(move.error, "{}");
}

TEST(Decide, RetryAfterSpendsTheSameBudget) {
    Lease lease = running_lease();
    lease.standing.failures = 2;
    EXPECT_EQ(decided(lease, RetryAfter{7, "", ""}).to, State::failed);
    EXPECT_EQ(decided(running_lease(""), RetryAfter{7, "", ""}).to, State::failed);
    const Move last = decided(running_lease(""), RetryAfter{7, "upstream", R"({"type":"E"})"});
    EXPECT_EQ(last.reason, "no retries left after 1 failure: upstream");
    EXPECT_EQ(last.error, R"({"type":"E"})");
    const Move wordy = decided(running_lease(""), RetryAfter{7, std::string(kReasonBytes, 'x'), ""});
    EXPECT_EQ(wordy.reason.size(), kReasonBytes);
}

TEST(Decide, DelaysAreBounded) {
    EXPECT_EQ(decided(running_lease(), RetryAfter{kBackoffCapMs * 5, "", ""}).due_at, kNow + kBackoffCapMs);
    EXPECT_EQ(decided(running_lease(), Snooze{kBackoffCapMs * 5, ""}).due_at, kNow + kBackoffCapMs);
    EXPECT_EQ(decided(running_lease(), Snooze{-5, ""}).due_at, kNow);
}

TEST(Decide, SnoozeGivesTheAttemptBackAndSpendsNoBudget) {
    Lease lease = running_lease("");
    lease.standing.attempt = 4;
    const Move move = decided(lease, Snooze{500, "busy"});
    EXPECT_EQ(move.to, State::scheduled);
    EXPECT_EQ(move.ending, Ending::snoozed);
    EXPECT_EQ(move.attempt, 3);
    EXPECT_EQ(move.failures, 0);
    EXPECT_EQ(move.snoozes, 1);
    EXPECT_EQ(move.due_at, kNow + 500);
    EXPECT_EQ(move.reason, "busy");
}

TEST(Decide, CancelIsFinal) {
    const Move move = decided(running_lease(), Cancel{"not needed"});
    EXPECT_EQ(move.to, State::cancelled);
    EXPECT_EQ(move.ending, Ending::cancelled);
    EXPECT_EQ(move.reason, "not needed");
    EXPECT_EQ(move.failures, 0);
}

TEST(Decide, ReleaseGivesBackAtOnceAndKeepsSuspicion) {
    Lease lease = running_lease();
    lease.standing.suspect = true;
    const Move move = decided(lease, Release{"shutdown"});
    EXPECT_EQ(move.to, State::ready);
    EXPECT_EQ(move.ending, Ending::released);
    EXPECT_EQ(move.attempt, 0);
    EXPECT_EQ(move.due_at, kNow);
    EXPECT_TRUE(move.suspect);
}

TEST(Decide, LapsedIsGuardedByTheLeaseItSaw) {
    EXPECT_EQ(decided(running_lease(), Lapsed{}).lease_until, 5'000);
}

// died, explained, started, as_suspect -> what it costs.
TEST(Decide, BlameForDeadWorkersIsATable) {
    struct Case {
        Lapsed lapsed;
        int attempt;
        bool suspect;
        int crashes;
        Ending ending;
    };
    std::vector<Case> cases;
    for (int bits = 0; bits < 16; ++bits) {
        const Lapsed lapsed{(bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0};
        const bool blamable = (bits & 8) != 0 && (bits & 4) == 0 && (bits & 2) != 0;
        const bool crash = blamable && (bits & 1) != 0;
        cases.push_back(
            {lapsed, (bits & 2) != 0 ? 3 : 2, blamable, crash ? 2 : 1, crash ? Ending::crashed : Ending::lapsed});
    }
    for (const Case& c : cases) {
        Lease lease = running_lease();
        lease.standing.attempt = 3;
        lease.standing.crashes = 1;
        const Move move = decided(lease, c.lapsed);
        const auto shown = ::testing::Message()
                           << c.lapsed.died << c.lapsed.explained << c.lapsed.started << c.lapsed.as_suspect;
        EXPECT_EQ(move.to, State::ready) << shown;
        EXPECT_EQ(move.attempt, c.attempt) << shown;
        EXPECT_EQ(move.suspect, c.suspect) << shown;
        EXPECT_EQ(move.crashes, c.crashes) << shown;
        EXPECT_EQ(move.ending, c.ending) << shown;
        EXPECT_EQ(move.failures, 0) << "deaths are counted apart" << shown;
        EXPECT_EQ(move.due_at, kNow) << shown;
    }
}

TEST(Decide, TheLastCrashQuarantines) {
    Lease lease = running_lease();
    lease.standing.suspect = true;
    const Lapsed death{true, false, true, true};
    lease.standing.crashes = 1;
    EXPECT_EQ(decided(lease, death).to, State::ready);
    lease.standing.crashes = 2;
    const Move move = decided(lease, death);
    EXPECT_EQ(move.to, State::quarantined);
    EXPECT_EQ(move.crashes, 3);
    EXPECT_EQ(move.reason, "crashed 3 workers");
    lease.standing.crashes = 0;
    EXPECT_EQ(decided(lease, death, {.max_crashes = 1}).to, State::quarantined);
}

TEST(Decide, DamagedRowsAreQuarantinedFromEveryOpenState) {
    for (const State from : {State::scheduled, State::ready, State::blocked, State::parked, State::running}) {
        Lease lease = running_lease();
        lease.standing.state = from;
        lease.standing.cancel_requested = from == State::running;
        const Move move = decided(lease, Damaged{"checksum"});
        EXPECT_EQ(move.from, from);
        EXPECT_EQ(move.to, State::quarantined);
        EXPECT_EQ(move.ending, from == State::running ? Ending::lapsed : Ending::none);
        EXPECT_EQ(move.reason, "checksum");
        EXPECT_EQ(cause(move), Cause::damage);
    }
}

TEST(Decide, UnroutableParks) {
    Lease lease = running_lease();
    lease.standing.state = State::ready;
    const Move move = decided(lease, Unroutable{});
    EXPECT_EQ(move.to, State::parked);
    EXPECT_EQ(move.ending, Ending::none);
    EXPECT_EQ(move.due_at, lease.standing.due_at);
    EXPECT_NE(move.reason.find("task t"), std::string::npos);
}

TEST(Decide, OverdueExpiresFromEveryWaitingState) {
    for (const State from : {State::scheduled, State::ready, State::blocked, State::parked}) {
        Lease lease = running_lease();
        lease.standing.state = from;
        const Move move = decided(lease, Overdue{});
        EXPECT_EQ(move.to, State::expired);
        EXPECT_EQ(move.ending, Ending::none);
        EXPECT_EQ(move.keep_until, kNow + kTtl);
    }
}

TEST(Decide, DeadLettersStayLongEnoughToBeLookedAt) {
    Lease lease = running_lease("");
    EXPECT_EQ(decided(lease, failure()).keep_until, kNow + kDeadLetterTtlMs);
    lease.job.result_ttl_ms = kDeadLetterTtlMs * 2;
    EXPECT_EQ(decided(lease, failure()).keep_until, kNow + kDeadLetterTtlMs * 2);
    EXPECT_EQ(decided(lease, Damaged{}).keep_until, kNow + kDeadLetterTtlMs * 2);
}

// --- Cancellation -----------------------------------------------------------------------------------------------
TEST(HeedCancel, WinsOverEverythingButDone) {
    Lease lease = running_lease();
    lease.standing.cancel_requested = true;
    lease.standing.crashes = 2;
    const std::vector<Outcome> outcomes{
        failure(), failure("ValueError"),          RetryAfter{}, Snooze{5, ""}, Cancel{"mine"}, Release{},
        Lapsed{},  Lapsed{true, false, true, true}};
    for (const Outcome& outcome : outcomes) {
        const Move move = decided(lease, outcome);
        EXPECT_EQ(move.to, State::cancelled) << outcome.index();
        EXPECT_NE(move.ending, Ending::none);
        EXPECT_EQ(move.due_at, 0);
        EXPECT_EQ(move.keep_until, kNow + kTtl);
        EXPECT_EQ(move.reason, std::holds_alternative<Cancel>(outcome) ? "mine" : "cancelled on request");
    }
    EXPECT_EQ(decided(lease, Done{"1"}).to, State::completed);
    EXPECT_EQ(decided(lease, Damaged{"x"}).to, State::quarantined);
}

TEST(HeedCancel, ARequestBehindTheHoldersBackIsHeededByTheStore) {
    const Lease lease = running_lease();
    const Move move = decided(lease, failure());
    Standing current = lease.standing;
    EXPECT_EQ(heed_cancel(move, current, kTtl), move);
    current.cancel_requested = true;
    current.reason = "cancelled by ops: too slow";
    const Move heeded = heed_cancel(move, current, kTtl);
    EXPECT_EQ(heeded.to, State::cancelled);
    EXPECT_EQ(heeded.ending, Ending::failed) << "history tells what the handler did";
    EXPECT_EQ(heeded.error, move.error);
    EXPECT_EQ(heeded.reason, "cancelled by ops: too slow");
    EXPECT_EQ(heed_cancel(heeded, current, kTtl), heeded);
}

// --- The other makers of moves ----------------------------------------------------------------------------------
TEST(Management, CancelMovesWhatWaits) {
    for (std::size_t number = 0; number < kStateCount; ++number) {
        Lease lease = running_lease();
        lease.standing.state = static_cast<State>(number);
        const bool waits = !is_closed(lease.standing.state) && lease.standing.state != State::running;
        const auto move = cancel_move(lease, "why", "who", kNow);
        ASSERT_EQ(move.has_value(), waits) << number;
        if (move) {
            EXPECT_EQ(move->to, State::cancelled);
            EXPECT_EQ(move->ending, Ending::none);
            EXPECT_EQ(move->reason, "cancelled by who: why");
            EXPECT_EQ(move->keep_until, kNow + kTtl);
        }
    }
}

TEST(Management, RequeueRestoresTheBudget) {
    for (std::size_t number = 0; number < kStateCount; ++number) {
        Lease lease = running_lease();
        lease.standing.state = static_cast<State>(number);
        lease.standing.attempt = 5;
        lease.standing.failures = 4;
        lease.standing.crashes = 3;
        lease.standing.snoozes = 2;
        lease.standing.suspect = true;
        const auto move = requeue_move(lease, "", "who", kNow);
        ASSERT_EQ(move.has_value(), is_legal(lease.standing.state, State::ready, Cause::requeue)) << number;
        if (move) {
            EXPECT_EQ(move->to, State::ready);
            EXPECT_EQ(move->due_at, kNow);
            EXPECT_EQ(move->attempt, 5);
            EXPECT_EQ(move->failures + move->crashes + move->snoozes, 0);
            EXPECT_TRUE(move->suspect);
            EXPECT_EQ(move->reason, "requeued by who");
        }
    }
}

TEST(Management, ReadyMoveKeepsThePlaceInTime) {
    Lease lease = running_lease();
    lease.standing.state = State::scheduled;
    const Move move = ready_move(lease, kNow);
    EXPECT_EQ(move.to, State::ready);
    EXPECT_EQ(move.due_at, lease.standing.due_at);
    EXPECT_EQ(cause(move), Cause::due);
}

TEST(Management, OnlyJobsThatNeverStartedAreOverdue) {
    Lease lease = running_lease();
    lease.standing.state = State::ready;
    lease.standing.attempt = 0;
    lease.job.expires_at = kNow;
    EXPECT_TRUE(is_overdue(lease.job, lease.standing, kNow));
    EXPECT_FALSE(is_overdue(lease.job, lease.standing, kNow - 1));
    lease.standing.attempt = 1;
    EXPECT_FALSE(is_overdue(lease.job, lease.standing, kNow));
    lease.standing.attempt = 0;
    lease.standing.state = State::failed;
    EXPECT_FALSE(is_overdue(lease.job, lease.standing, kNow));
    lease.standing.state = State::ready;
    lease.job.expires_at = 0;
    EXPECT_FALSE(is_overdue(lease.job, lease.standing, kNow));
}

TEST(Management, ReasonsAreBoundedAtACharacter) {
    EXPECT_EQ(reason_text("cancelled", "", ""), "cancelled");
    EXPECT_EQ(reason_text("cancelled", "", "x"), "cancelled: x");
    std::string long_reason;
    for (int i = 0; i < 1'000; ++i) {
        long_reason += "\xE6\xBC\xA2";
    }
    const std::string text = reason_text("cancelled", "a", long_reason);
    EXPECT_LE(text.size(), kReasonBytes);
    EXPECT_GT(text.size(), kReasonBytes - 3);
    EXPECT_TRUE(text.ends_with("\xE6\xBC\xA2"));
}

// --- Every outcome in every situation -----------------------------------------------------------------------------
struct Situation {
    int attempt, failures, snoozes, crashes;
    bool suspect, cancel;
    std::string_view retry;
};

std::vector<Situation> situations() {
    std::vector<Situation> all;
    for (const int attempt : {1, 2, 9}) {
        for (const int failures : {0, 1, 2, 3}) {
            for (const int snoozes : {0, 3}) {
                for (const int crashes : {0, 1, 2, 3}) {
                    for (const bool suspect : {false, true}) {
                        for (const bool cancel : {false, true}) {
                            for (const std::string_view retry :
                                 {std::string_view{""}, kFixed,
                                  std::string_view{R"({"kind":"delays","max":3,"delays_ms":[0,5]})"},
                                  std::string_view{
                                      R"({"kind":"linear","max":1,"base_ms":9,"jitter":"full","on":["OSError"]})"},
                                  std::string_view{"damaged"}}) {
                                all.push_back({attempt, failures, snoozes, crashes, suspect, cancel, retry});
                            }
                        }
                    }
                }
            }
        }
    }
    return all;
}

std::vector<Outcome> outcomes() {
    std::vector<Outcome> all{Done{"{}"},
                             failure(),
                             failure("ValueError"),
                             failure("KeyError", true),
                             Failure{{}, "", true},
                             RetryAfter{},
                             RetryAfter{0, "", ""},
                             RetryAfter{50, "r", "{}"},
                             Snooze{},
                             Snooze{70, "s"},
                             Cancel{"c"},
                             Release{"r"},
                             Damaged{"d"}};
    for (int bits = 0; bits < 16; ++bits) {
        all.emplace_back(Lapsed{(bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0});
    }
    return all;
}

bool gives_back(const Outcome& outcome) {
    const auto* lapsed = std::get_if<Lapsed>(&outcome);
    return std::holds_alternative<Snooze>(outcome) || std::holds_alternative<Release>(outcome) ||
           (lapsed != nullptr && !lapsed->started);
}

bool spends_budget(const Outcome& outcome) {
    return std::holds_alternative<Failure>(outcome) || std::holds_alternative<RetryAfter>(outcome);
}

void expect_sound(const Situation& at, const Outcome& outcome, const Move& move) {
    ASSERT_TRUE(is_legal(State::running, move.to));
    ASSERT_TRUE(is_legal(State::running, move.to, cause(move))) << name(move.to) << name(move.ending);
    ASSERT_NE(move.ending, Ending::none);
    ASSERT_EQ(move.attempt, at.attempt - (gives_back(outcome) ? 1 : 0));
    ASSERT_EQ(move.failures, at.failures + (spends_budget(outcome) ? 1 : 0));
    ASSERT_EQ(move.snoozes, at.snoozes + (std::holds_alternative<Snooze>(outcome) ? 1 : 0));
    ASSERT_GE(move.crashes, at.crashes);
    ASSERT_LE(move.crashes, at.crashes + 1);
    if (at.cancel) {
        ASSERT_TRUE(is_closed(move.to));
    }
    if (is_closed(move.to)) {
        ASSERT_GE(move.keep_until, kNow + kTtl);
        ASSERT_EQ(move.due_at, 0);
    } else {
        ASSERT_EQ(move.keep_until, 0);
        ASSERT_GE(move.due_at, kNow);
        ASSERT_EQ(move.to == State::scheduled, move.due_at > kNow);
    }
    if (move.to == State::failed) {
        ASSERT_TRUE(spends_budget(outcome));
    }
    if (std::holds_alternative<Done>(outcome)) {
        ASSERT_EQ(move.to, State::completed);
        ASSERT_FALSE(move.suspect);
    } else {
        ASSERT_GE(move.suspect, at.suspect) << "only completion clears suspicion";
        ASSERT_TRUE(move.result.empty());
    }
}

TEST(DecideEverywhere, EveryOutcomeInEverySituationIsSound) {
    Rng rng{1};
    int decisions = 0;
    for (const Situation& at : situations()) {
        Lease lease = running_lease(at.retry);
        lease.standing.attempt = at.attempt;
        lease.standing.failures = at.failures;
        lease.standing.snoozes = at.snoozes;
        lease.standing.crashes = at.crashes;
        lease.standing.suspect = at.suspect;
        lease.standing.cancel_requested = at.cancel;
        for (const Outcome& outcome : outcomes()) {
            const Move move = decide(lease, outcome, kNow, rng);
            ASSERT_NO_FATAL_FAILURE(expect_sound(at, outcome, move))
                << "outcome " << outcome.index() << " attempt " << at.attempt << " failures " << at.failures
                << " crashes " << at.crashes << " suspect " << at.suspect << " cancel " << at.cancel << at.retry;
            ++decisions;
        }
    }
    EXPECT_EQ(decisions, 3 * 4 * 2 * 4 * 2 * 2 * 5 * 29);
}

// Runs random jobs to their end: the budget is exactly max + 1 failing runs, whatever happens in between.
TEST(DecideEverywhere, FailuresNeverExceedTheBudget) {
    for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
        Rng rng{seed};
        RetryPolicy policy;
        policy.kind = static_cast<Backoff>(1 + rng.below(4));
        policy.max_retries = static_cast<int>(rng.below(6));
        policy.delays_ms = policy.kind == Backoff::delays ? std::vector<Millis>{10, 20} : std::vector<Millis>{};
        policy.base_ms = policy.kind == Backoff::delays ? 0 : 100;
        Lease lease = running_lease(to_text(policy));
        lease.standing.attempt = 0;
        Millis now = kNow;
        int failing_runs = 0;
        int starts = 0;
        int given_back = 0;
        State state = State::ready;
        while (!is_closed(state)) {
            lease.standing.attempt += 1;
            ++starts;
            Outcome outcome = failure();
            switch (rng.below(6)) {
                case 0: outcome = Snooze{static_cast<Millis>(rng.below(100)), ""}; break;
                case 1: outcome = Release{}; break;
                case 2: outcome = RetryAfter{}; break;
                case 3: outcome = Lapsed{true, rng.below(2) == 0, rng.below(2) == 0, false}; break;
                default: break;
            }
            failing_runs += spends_budget(outcome) ? 1 : 0;
            given_back += gives_back(outcome) ? 1 : 0;
            const Move move = decide(lease, outcome, now, rng);
            lease.standing.attempt = move.attempt;
            lease.standing.failures = move.failures;
            lease.standing.crashes = move.crashes;
            lease.standing.suspect = move.suspect;
            ASSERT_EQ(move.failures, failing_runs) << "seed " << seed;
            ASSERT_EQ(move.attempt, starts - given_back) << "seed " << seed;
            ASSERT_LE(move.due_at, is_closed(move.to) ? 0 : now + kBackoffCapMs) << "seed " << seed;
            state = move.to;
            now += 1'000;
        }
        ASSERT_EQ(state, State::failed) << "seed " << seed;
        ASSERT_EQ(failing_runs, policy.max_retries + 1) << "seed " << seed;
    }
}

}  // namespace
}  // namespace khala::job
