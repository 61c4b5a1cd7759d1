#include "store/random/request.hpp"

#include <algorithm>
#include <sstream>

namespace khala::store::random {
namespace {

template <typename T>
std::string number(T value) {
    return std::to_string(static_cast<long long>(value));
}

template <typename Items, typename Show>
std::string listed(const Items& items, const Show& show) {
    std::string out = "[";
    for (const auto& item : items) {
        out += (out.size() == 1 ? "" : " ") + show(item);
    }
    return out + "]";
}

std::string listed(const std::vector<std::string>& names) {
    return listed(names, [](const std::string& name) { return name; });
}

std::string show(const JobSpec& spec) {
    std::ostringstream out;
    out << spec.job.id << "(" << spec.job.queue << " " << spec.job.task << " p" << spec.job.priority;
    if (spec.job.run_at != 0) {
        out << " run_at=" << spec.job.run_at;
    }
    if (spec.job.expires_at != 0) {
        out << " expires_at=" << spec.job.expires_at;
    }
    if (spec.policy.max > 0) {
        out << " retries=" << spec.policy.max;
    }
    out << ")";
    return out.str();
}

std::string show(const Settlement& settlement) {
    constexpr const char* kEnds[] = {"done",   "OSError", "ValueError", "timeout", "retry_after",     "retry_by_policy",
                                     "snooze", "cancel",  "release",    "death",   "death_as_suspect"};
    if (settlement.repeat_of >= 0) {
        return "again #" + number(settlement.repeat_of);
    }
    return "lease" + number(settlement.lease) + ":" + kEnds[static_cast<int>(settlement.end)] +
           (settlement.delay_ms != 0 ? "+" + number(settlement.delay_ms) : "") +
           (settlement.with_outbox ? "+outbox" : "");
}

std::string show(const Claim& claim) {
    return "claim{" + claim.worker + " limit=" + number(claim.limit) +
           " queues=" + listed(claim.queues, [](const QueueDemand& d) { return d.queue + ":" + number(d.limit); }) +
           " tasks=" + listed(claim.tasks) + " suspects=" + number(claim.suspects) + "}";
}

struct Texts {
    std::string operator()(const ExchangeRequest& r) const {
        std::string out = "exchange";
        for (const Group& group : r.groups) {
            out += " insert" + listed(group.jobs, [](const JobSpec& spec) { return show(spec); });
            if (!group.rows.empty()) {
                out += "+rows" + listed(group.rows, [](const JobRow& row) { return to_text(row); });
            }
        }
        if (!r.settlements.empty()) {
            out += " settle" + listed(r.settlements, [](const Settlement& s) { return show(s); });
        }
        return out + (r.claim ? " " + show(*r.claim) : "");
    }
    std::string operator()(const ReapRequest& r) const {
        return "reap limit=" + number(r.limit) + " renew_between=" + listed(r.renew_between, number<LeaseNo>);
    }
    std::string operator()(const RenewRequest& r) const {
        return "renew " +
               listed(r.renewals, [](const auto& e) { return number(e.first) + (e.second ? "+progress" : ""); }) +
               " lease_ms=" + number(r.lease_ms);
    }
    std::string operator()(const ParkRequest& r) const {
        return "park " + listed(r.queues) + " limit=" + number(r.limit);
    }
    std::string operator()(const AnnounceRequest& r) const {
        return "announce " + r.worker.id + " queues=" + listed(r.worker.queues) + " tasks=" + listed(r.worker.tasks);
    }
    std::string operator()(const RetireRequest& r) const { return "retire " + r.worker; }
    std::string operator()(const MarkRequest& r) const {
        return "mark slot" + number(r.slot) + " lease" + number(r.lease) + (r.as_suspect ? " as suspect" : "");
    }
    std::string operator()(const FateRequest& r) const {
        return "death of " + r.worker + (r.explained ? " explained" : "");
    }
    std::string operator()(const ManageRequest& r) const {
        constexpr const char* kVerbs[] = {"cancel", "remove", "requeue"};
        return std::string{kVerbs[static_cast<int>(r.verb)]} + " " + listed(r.ids);
    }
    std::string operator()(const ChangeRequest& r) const {
        const QueueChange& c = r.change;
        return "change " + c.queue + (c.paused ? " paused=" + number(*c.paused) : "") +
               (c.max_length ? " max_length=" + number(*c.max_length) : "") +
               (c.ageing_ms ? " ageing_ms=" + number(*c.ageing_ms) : "") +
               (c.log_moves ? " log_moves=" + number(*c.log_moves) : "");
    }
    std::string operator()(const PruneRequest& r) const {
        return "prune queue=" + r.rule.queue +
               " states=" + listed(r.rule.states, [](State state) { return std::string{job::name(state)}; }) +
               " closed_before=" + number(r.rule.closed_before) + " keep_count=" + number(r.rule.keep_count) +
               " limit=" + number(r.rule.limit);
    }
    std::string operator()(const DropRequest& r) const { return "drop outbox " + number(r.count); }
    std::string operator()(const ListRequest& r) const {
        return "list order=" + number(r.query.order) + " limit=" + number(r.query.limit) + " queue=" + r.query.queue;
    }
    std::string operator()(const AdvanceRequest& r) const {
        return "advance " + number(r.ms) + (r.wall_jump_ms != 0 ? " wall jump " + number(r.wall_jump_ms) : "");
    }
};

std::string show(const job::Attempt& attempt) {
    std::ostringstream out;
    out << attempt.number << ":" << attempt.outcome << "@" << attempt.token << "[" << attempt.started_at << ".."
        << attempt.ended_at << " " << attempt.worker << "]";
    for (const std::string* text : {&attempt.error, &attempt.result}) {
        out << (text->empty() ? "" : " ") << *text;
    }
    return out.str();
}

std::string show(const QueueCounts& counts) {
    std::ostringstream out;
    out << counts.queue << (counts.settings.paused ? " paused" : "") << " max_length=" << counts.settings.max_length
        << " ageing_ms=" << counts.settings.ageing_ms << " oldest_ready_at=" << counts.oldest_ready_at;
    for (std::size_t state = 0; state < job::kStateCount; ++state) {
        if (counts.by_state[state] != 0) {
            out << " " << job::name(static_cast<State>(state)) << "=" << counts.by_state[state];
        }
    }
    return out.str();
}

std::string show(const TaskCounters& c) {
    std::ostringstream out;
    out << c.task << " runs=" << c.runs << " completed=" << c.completed << " failures=" << c.failures
        << " streak=" << c.consecutive_failures << " duration=" << c.duration_sum_ms << " last=" << c.last_run_at
        << " last_failure=" << c.last_failure_at;
    return out.str();
}

std::string show(const Event& e) {
    return number(e.sequence) + ":" + e.name + "(" + e.job_id + ")@" + number(e.at) + " by '" + e.actor + "' " +
           e.detail;
}

std::string show(const WorkerInfo& w) {
    return w.id + " queues=" + listed(w.queues) + " tasks=" + listed(w.tasks) + " seen_at=" + number(w.seen_at);
}

std::string show(const Store::OutboxRow& row) {
    return row.id + "@" + number(row.token) + "->" + row.entry.target + ":" + row.entry.body;
}

std::string show(const std::string& text) {
    return text;
}

template <typename Item>
void compare(std::vector<std::string>& out, const std::string& what, const std::vector<Item>& a,
             const std::vector<Item>& b) {
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        if (i < a.size() && i < b.size() && a[i] == b[i]) {
            continue;
        }
        out.push_back(what + " " + number(i) + ": " + (i < a.size() ? show(a[i]) : "(none)") + "\n      | " +
                      (i < b.size() ? show(b[i]) : "(none)"));
    }
}

}  // namespace

std::string to_text(const JobRow& row) {
    const job::Standing& s = row.standing;
    std::ostringstream out;
    out << row.job.id << "(" << row.job.queue << " " << row.job.task << " p" << row.job.priority << ") "
        << job::name(s.state) << " attempt=" << s.attempt << " failures=" << s.failures << " snoozes=" << s.snoozes
        << " crashes=" << s.crashes << (s.suspect ? " suspect" : "") << (s.cancel_requested ? " cancel" : "")
        << " token=" << s.token << " worker=" << s.worker << " enqueued=" << s.enqueued_at << " due=" << s.due_at
        << " lease_until=" << s.lease_until << " started=" << s.started_at << " closed=" << s.closed_at
        << " keep=" << s.keep_until << " progress=" << s.progress_count << "/" << s.progress_total
        << s.progress_message;
    for (const auto& [name, text] :
         {std::pair{"result", &s.result}, std::pair{"error", &s.error}, std::pair{"reason", &s.reason}}) {
        out << (text->empty() ? "" : " ") << (text->empty() ? "" : name) << (text->empty() ? "" : "=") << *text;
    }
    out << " history=" << listed(row.history, [](const job::Attempt& attempt) { return show(attempt); });
    return out.str();
}

std::string policy_text(const Policy& policy) {
    if (policy.max == 0 && policy.first_ms == 0) {
        return "";
    }
    std::string text = R"({"kind":"delays","max":)" + number(policy.max) + R"(,"delays_ms":[)";
    for (int n = 0; n < 8; ++n) {
        text += (n == 0 ? "" : ",") + number(policy.first_ms + n * policy.step_ms);
    }
    text += "]";
    text += policy.only_os ? R"(,"on":["OSError"])" : "";
    text += policy.spares_value ? R"(,"not_on":["ValueError"])" : "";
    return text + "}";
}

std::string to_text(const Request& request) {
    return std::visit(Texts{}, request);
}

std::string to_text(const Reply& reply) {
    constexpr const char* kInserted[] = {"inserted", "exists", "full", "refused"};
    constexpr const char* kMoved[] = {"applied", "lost", "missing", "cancelled"};
    constexpr const char* kRenewed[] = {"ok", "lost", "cancel_requested"};
    constexpr const char* kManaged[] = {"done", "requested", "refused", "missing"};
    std::string out;
    for (const auto& group : reply.inserts) {
        out += " inserts" + listed(group, [&](Inserted v) { return std::string{kInserted[static_cast<int>(v)]}; });
    }
    out += " moves" + listed(reply.moves, [&](Moved v) { return std::string{kMoved[static_cast<int>(v)]}; });
    out += " leases" + listed(reply.leases) + " expired" + listed(reply.expired) + (reply.more ? " more" : "");
    out += " renewed" + listed(reply.renewed, [&](Renewed v) { return std::string{kRenewed[static_cast<int>(v)]}; });
    out += " managed" + listed(reply.managed, [&](Managed v) { return std::string{kManaged[static_cast<int>(v)]}; });
    out += " lapses" + listed(reply.lapses, [](const LapseView& lapse) {
               return lapse.id + (lapse.died ? "+died" : "") + (lapse.explained ? "+explained" : "") +
                      (lapse.started ? "+started" : "") + (lapse.as_suspect ? "+as_suspect" : "");
           });
    return out + " ids" + listed(reply.ids) + " count=" + number(reply.count) + " " + reply.error;
}

void drop_unused_queues(Snapshot& snapshot) {
    std::erase_if(snapshot.counts, [&](const QueueCounts& counts) {
        const bool has_jobs = std::any_of(std::begin(counts.by_state), std::end(counts.by_state),
                                          [](std::int64_t count) { return count != 0; });
        const auto events = snapshot.events.find(counts.queue);
        const bool has_events = events != snapshot.events.end() && !events->second.empty();
        const bool unused = !has_jobs && !has_events && counts.settings == QueueSettings{};
        if (unused) {
            snapshot.events.erase(counts.queue);
            snapshot.next_due.erase(counts.queue);
        }
        return unused;
    });
}

std::vector<std::string> differences(const Snapshot& a, const Snapshot& b) {
    std::vector<std::string> out;
    const auto rows = [](const Snapshot& snapshot) {
        std::vector<std::string> texts;
        for (const JobRow& row : snapshot.rows) {
            texts.push_back(to_text(row));
        }
        return texts;
    };
    compare(out, "row", rows(a), rows(b));
    compare(out, "next to run", a.next_to_run, b.next_to_run);
    compare(out, "queue", a.counts, b.counts);
    compare(out, "task", a.counters, b.counters);
    for (const auto& [queue, events] : a.events) {
        const auto other = b.events.find(queue);
        compare(out, "event of " + queue, events, other == b.events.end() ? std::vector<Event>{} : other->second);
    }
    compare(out, "worker", a.workers, b.workers);
    compare(out, "outbox", a.outbox, b.outbox);
    const auto due = [](const Snapshot& snapshot) {
        std::vector<std::string> texts;
        for (const auto& [queue, at] : snapshot.next_due) {
            texts.push_back(queue + "=" + number(at));
        }
        return texts;
    };
    compare(out, "next due", due(a), due(b));
    compare(out, "fault", a.faults, b.faults);
    if (out.empty() && !(a == b)) {
        out.emplace_back("a field that is not shown differs");
    }
    return out;
}

}  // namespace khala::store::random
