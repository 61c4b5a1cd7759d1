// The table and what is read off it. Which move is made when is lifecycle.cpp's business.
#include <algorithm>
#include <array>
#include <cassert>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "job/lifecycle.hpp"

namespace khala::job {
namespace {

using enum State;

constexpr auto kTransitions = std::to_array<Transition>({
    {scheduled, scheduled, Cause::enqueue},  {ready, ready, Cause::enqueue},
    {blocked, blocked, Cause::enqueue},

    {scheduled, ready, Cause::due},          {scheduled, ready, Cause::requeue},
    {scheduled, cancelled, Cause::cancel},   {scheduled, expired, Cause::expire},
    {scheduled, quarantined, Cause::damage},

    {blocked, ready, Cause::unblock},        {blocked, cancelled, Cause::cancel},
    {blocked, expired, Cause::expire},       {blocked, quarantined, Cause::damage},

    {ready, running, Cause::claim},          {ready, parked, Cause::park},
    {ready, cancelled, Cause::cancel},       {ready, expired, Cause::expire},
    {ready, quarantined, Cause::damage},

    {parked, ready, Cause::announce},        {parked, ready, Cause::requeue},
    {parked, cancelled, Cause::cancel},      {parked, expired, Cause::expire},
    {parked, quarantined, Cause::damage},

    {running, completed, Cause::done},       {running, failed, Cause::fail},
    {running, cancelled, Cause::cancel},     {running, scheduled, Cause::retry},
    {running, scheduled, Cause::snooze},     {running, ready, Cause::retry},
    {running, ready, Cause::snooze},         {running, ready, Cause::release},
    {running, ready, Cause::lapse},          {running, ready, Cause::crash},
    {running, quarantined, Cause::crash},    {running, quarantined, Cause::damage},

    {completed, ready, Cause::requeue},      {failed, ready, Cause::requeue},
    {cancelled, ready, Cause::requeue},      {quarantined, ready, Cause::requeue},
});

bool is_birth(const Transition& transition) noexcept {
    return transition.cause == Cause::enqueue;
}

// The cause of a move that ends no attempt, by where it leads.
Cause cause_of_waiting_job(State from, State to) noexcept {
    switch (to) {
        case scheduled:
        case blocked: return Cause::enqueue;
        case running: return Cause::claim;
        case parked: return Cause::park;
        case completed: return Cause::done;
        case failed: return Cause::fail;
        case cancelled: return Cause::cancel;
        case expired: return Cause::expire;
        case quarantined: return Cause::damage;
        case ready: break;
    }
    switch (from) {
        case scheduled: return Cause::due;
        case blocked: return Cause::unblock;
        case parked: return Cause::announce;
        case ready:
        case running: return Cause::release;
        case completed:
        case failed:
        case cancelled:
        case expired:
        case quarantined: return Cause::requeue;
    }
    return Cause::requeue;
}

}  // namespace

std::span<const Transition> transitions() noexcept {
    return kTransitions;
}

bool is_legal(State from, State to) noexcept {
    return std::any_of(kTransitions.begin(), kTransitions.end(),
                       [&](const Transition& t) { return !is_birth(t) && t.from == from && t.to == to; });
}

bool is_legal(State from, State to, Cause cause) noexcept {
    return std::find(kTransitions.begin(), kTransitions.end(), Transition{from, to, cause}) != kTransitions.end();
}

std::string_view name(Cause cause) noexcept {
    switch (cause) {
        case Cause::enqueue: return "enqueue";
        case Cause::due: return "due";
        case Cause::claim: return "claim";
        case Cause::done: return "done";
        case Cause::fail: return "fail";
        case Cause::retry: return "retry";
        case Cause::snooze: return "snooze";
        case Cause::cancel: return "cancel";
        case Cause::release: return "release";
        case Cause::lapse: return "lapse";
        case Cause::crash: return "crash";
        case Cause::expire: return "expire";
        case Cause::park: return "park";
        case Cause::announce: return "announce";
        case Cause::unblock: return "unblock";
        case Cause::damage: return "damage";
        case Cause::requeue: return "requeue";
    }
    return "unknown";
}

Cause cause(const Move& move) noexcept {
    if (move.to == cancelled) {
        return Cause::cancel;
    }
    const bool closed = is_closed(move.to);
    switch (move.ending) {
        case Ending::none: return cause_of_waiting_job(move.from, move.to);
        case Ending::completed: return Cause::done;
        case Ending::failed:
        case Ending::timed_out:
        case Ending::retried: return closed ? Cause::fail : Cause::retry;
        case Ending::snoozed: return Cause::snooze;
        case Ending::cancelled: return Cause::cancel;
        case Ending::released: return Cause::release;
        case Ending::lapsed: return closed ? Cause::damage : Cause::lapse;
        case Ending::crashed: return Cause::crash;
    }
    return Cause::done;
}

std::string diagram() {
    std::string out = "stateDiagram-v2\n";
    const auto line = [&out](std::string_view from, std::string_view to, std::string_view label) {
        out.append("    ").append(from).append(" --> ").append(to);
        out.append(label.empty() ? "" : " : ").append(label).append("\n");
    };
    for (const Transition& birth : kTransitions) {
        if (is_birth(birth)) {
            line("[*]", name(birth.to), name(birth.cause));
        }
    }
    // One arrow for each pair of states, with all its causes, where the pair is seen first.
    std::vector<std::pair<State, State>> drawn;
    for (const Transition& t : kTransitions) {
        const std::pair pair{t.from, t.to};
        if (is_birth(t) || std::find(drawn.begin(), drawn.end(), pair) != drawn.end()) {
            continue;
        }
        drawn.push_back(pair);
        std::string causes;
        for (const Transition& same : kTransitions) {
            if (!is_birth(same) && same.from == t.from && same.to == t.to) {
                causes.append(causes.empty() ? "" : ", ").append(name(same.cause));
            }
        }
        line(name(t.from), name(t.to), causes);
    }
    for (const State closed : {completed, failed, cancelled, expired, quarantined}) {
        line(name(closed), "[*]", "");
    }
    return out;
}

}  // namespace khala::job
