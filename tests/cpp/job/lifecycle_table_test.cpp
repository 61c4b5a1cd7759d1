#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "job/lifecycle.hpp"

namespace khala::job {
namespace {

// Golden. A change here is a change of the product: the docs, both stores and the Python layer show these words.
constexpr std::string_view kTable = R"(scheduled -> scheduled: enqueue
ready -> ready: enqueue
blocked -> blocked: enqueue
scheduled -> ready: due
scheduled -> ready: requeue
scheduled -> cancelled: cancel
scheduled -> expired: expire
scheduled -> quarantined: damage
blocked -> ready: unblock
blocked -> cancelled: cancel
blocked -> expired: expire
blocked -> quarantined: damage
ready -> running: claim
ready -> parked: park
ready -> cancelled: cancel
ready -> expired: expire
ready -> quarantined: damage
parked -> ready: announce
parked -> ready: requeue
parked -> cancelled: cancel
parked -> expired: expire
parked -> quarantined: damage
running -> completed: done
running -> failed: fail
running -> cancelled: cancel
running -> scheduled: retry
running -> scheduled: snooze
running -> ready: retry
running -> ready: snooze
running -> ready: release
running -> ready: lapse
running -> ready: crash
running -> quarantined: crash
running -> quarantined: damage
completed -> ready: requeue
failed -> ready: requeue
cancelled -> ready: requeue
quarantined -> ready: requeue
)";

constexpr std::string_view kDiagram = R"(stateDiagram-v2
    [*] --> scheduled : enqueue
    [*] --> ready : enqueue
    [*] --> blocked : enqueue
    scheduled --> ready : due, requeue
    scheduled --> cancelled : cancel
    scheduled --> expired : expire
    scheduled --> quarantined : damage
    blocked --> ready : unblock
    blocked --> cancelled : cancel
    blocked --> expired : expire
    blocked --> quarantined : damage
    ready --> running : claim
    ready --> parked : park
    ready --> cancelled : cancel
    ready --> expired : expire
    ready --> quarantined : damage
    parked --> ready : announce, requeue
    parked --> cancelled : cancel
    parked --> expired : expire
    parked --> quarantined : damage
    running --> completed : done
    running --> failed : fail
    running --> cancelled : cancel
    running --> scheduled : retry, snooze
    running --> ready : retry, snooze, release, lapse, crash
    running --> quarantined : crash, damage
    completed --> ready : requeue
    failed --> ready : requeue
    cancelled --> ready : requeue
    quarantined --> ready : requeue
    completed --> [*]
    failed --> [*]
    cancelled --> [*]
    expired --> [*]
    quarantined --> [*]
)";

constexpr int kCauses = static_cast<int>(Cause::requeue) + 1;

TEST(LifecycleTable, IsTheGoldenOne) {
    std::string text;
    for (const Transition& t : transitions()) {
        text.append(name(t.from)).append(" -> ").append(name(t.to)).append(": ").append(name(t.cause)).append("\n");
    }
    EXPECT_EQ(text, kTable);
}

TEST(LifecycleTable, TheDiagramIsTheGoldenOne) {
    EXPECT_EQ(diagram(), kDiagram);
}

TEST(LifecycleTable, NoRowTwiceAndEveryCauseIsUsed) {
    std::set<std::tuple<State, State, Cause>> rows;
    std::set<Cause> causes;
    for (const Transition& t : transitions()) {
        EXPECT_TRUE(rows.emplace(t.from, t.to, t.cause).second);
        causes.insert(t.cause);
    }
    EXPECT_EQ(causes.size(), static_cast<std::size_t>(kCauses));
}

TEST(LifecycleTable, CauseNamesAreDistinct) {
    std::set<std::string_view> names;
    for (int cause = 0; cause < kCauses; ++cause) {
        names.insert(name(static_cast<Cause>(cause)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(kCauses));
    EXPECT_FALSE(names.contains("unknown"));
}

TEST(LifecycleTable, IsLegalReadsTheTable) {
    std::set<std::pair<State, State>> legal;
    for (const Transition& t : transitions()) {
        EXPECT_TRUE(is_legal(t.from, t.to, t.cause));
        if (t.cause != Cause::enqueue) {
            legal.emplace(t.from, t.to);
        }
    }
    for (std::size_t from = 0; from < kStateCount; ++from) {
        for (std::size_t to = 0; to < kStateCount; ++to) {
            const auto pair = std::pair{static_cast<State>(from), static_cast<State>(to)};
            EXPECT_EQ(is_legal(pair.first, pair.second), legal.contains(pair)) << name(pair.first) << name(pair.second);
        }
    }
    EXPECT_FALSE(is_legal(State::ready, State::ready));  // a birth is no move
    EXPECT_FALSE(is_legal(State::running, State::ready, Cause::due));
}

TEST(LifecycleTable, ClosedJobsAreLeftByOperatorsOnly) {
    for (const Transition& t : transitions()) {
        if (is_closed(t.from)) {
            EXPECT_EQ(t.cause, Cause::requeue);
            EXPECT_EQ(t.to, State::ready);
        }
    }
}

TEST(LifecycleTable, OnlyAClaimLeadsToRunningAndOnlyRunningJobsCompleteOrFail) {
    for (const Transition& t : transitions()) {
        EXPECT_EQ(t.to == State::running, t.cause == Cause::claim);
        if (t.to == State::completed || t.to == State::failed) {
            EXPECT_EQ(t.from, State::running);
        }
    }
}

TEST(LifecycleTable, EveryOpenStateCanBeLeftByCancelling) {
    for (const State open : {State::scheduled, State::ready, State::running, State::blocked, State::parked}) {
        EXPECT_TRUE(is_legal(open, State::cancelled, Cause::cancel)) << name(open);
    }
}

TEST(EndingNames, AreDistinct) {
    std::set<std::string_view> names;
    for (int ending = 0; ending <= static_cast<int>(Ending::crashed); ++ending) {
        names.insert(name(static_cast<Ending>(ending)));
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(Ending::crashed) + 1);
}

// Every row of the table that is a move is the cause of some move, and the cause of a waiting job's move is a row.
TEST(CauseOfMove, FindsEveryRow) {
    for (const Transition& t : transitions()) {
        if (t.cause == Cause::enqueue || t.cause == Cause::claim) {
            continue;  // no moves
        }
        Move move;
        move.from = t.from;
        move.to = t.to;
        if (t.from != State::running) {
            EXPECT_TRUE(is_legal(t.from, t.to, cause(move))) << name(t.from) << name(t.to);
            continue;
        }
        int endings = 0;
        for (int ending = 1; ending <= static_cast<int>(Ending::crashed); ++ending) {
            move.ending = static_cast<Ending>(ending);
            endings += cause(move) == t.cause ? 1 : 0;
        }
        EXPECT_GT(endings, 0) << name(t.from) << name(t.to) << name(t.cause);
        if (t.to == State::cancelled) {
            EXPECT_EQ(endings, static_cast<int>(Ending::crashed)) << "any attempt can end in a cancellation";
        }
    }
}

}  // namespace
}  // namespace khala::job
