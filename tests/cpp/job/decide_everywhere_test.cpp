#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "base/limits.hpp"
#include "job/decide_support.hpp"
#include "job/lifecycle.hpp"
#include "job/retry.hpp"

namespace khala::job {
namespace {

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
