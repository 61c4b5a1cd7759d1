#include "store/events.hpp"

#include <utility>

namespace khala::store {
namespace {

Event event_at(Millis at, const std::string& queue, std::string_view name) {
    Event event;
    event.at = at;
    event.queue = queue;
    event.name = name;
    return event;
}

}  // namespace

bool is_logged(const QueueSettings& queue, job::Cause cause, State to) noexcept {
    return queue.log_moves || (to == State::quarantined && (cause == job::Cause::damage || cause == job::Cause::crash));
}

Event enqueue_event(const NewJob& job, bool imported, const std::string& actor, Millis now) {
    Event event = event_at(now, job.queue, job::name(job::Cause::enqueue));
    event.job_id = job.id;
    event.actor = actor;
    event.detail = imported ? "import" : "";
    return event;
}

Event claim_event(const Lease& lease) {
    Event event = event_at(lease.standing.started_at, lease.job.queue, job::name(job::Cause::claim));
    event.job_id = lease.job.id;
    event.actor = lease.standing.worker;
    return event;
}

Event move_event(const Move& move, const std::string& queue, const std::string& worker) {
    Event event = event_at(move.ended_at, queue, job::name(job::cause(move)));
    event.job_id = move.id;
    event.actor = worker;
    event.detail = move.reason;
    return event;
}

Event manage_event(Verb verb, const std::string& queue, const std::string& id, const std::string& reason,
                   const std::string& actor, Millis now) {
    Event event = event_at(now, queue, name(verb));
    event.job_id = id;
    event.actor = actor;
    event.detail = reason;
    return event;
}

std::vector<Event> change_events(const QueueChange& change, Millis now) {
    std::vector<Event> events;
    const auto add = [&](std::string_view name, std::string detail) {
        Event event = event_at(now, change.queue, name);
        event.actor = change.actor;
        event.detail = std::move(detail);
        events.push_back(std::move(event));
    };
    if (change.paused) {
        add(*change.paused ? "pause" : "resume", "");
    }
    if (change.max_length) {
        add("limit", std::to_string(*change.max_length));
    }
    if (change.ageing_ms) {
        add("ageing", std::to_string(*change.ageing_ms));
    }
    if (change.defaults) {
        add("defaults", *change.defaults);
    }
    if (change.log_moves) {
        add("log_moves", *change.log_moves ? "on" : "off");
    }
    return events;
}

std::string_view name(Verb verb) noexcept {
    switch (verb) {
        case Verb::cancel: return "cancel";
        case Verb::remove: return "remove";
        case Verb::requeue: return "requeue";
    }
    return "unknown";
}

}  // namespace khala::store
