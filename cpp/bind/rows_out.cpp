#include "bind/rows_out.hpp"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "job/move.hpp"
#include "job/state.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

std::string_view managed_name(store::Managed verdict) noexcept {
    switch (verdict) {
        case store::Managed::done: return "done";
        case store::Managed::requested: return "requested";
        case store::Managed::refused: return "refused";
        case store::Managed::missing: return "missing";
    }
    return "unknown";
}

py::dict attempt_out(const job::Attempt& attempt) {
    py::dict out;
    out["number"] = attempt.number;
    out["started_at"] = attempt.started_at;
    out["ended_at"] = attempt.ended_at;
    out["worker"] = attempt.worker;
    out["outcome"] = attempt.outcome;
    out["error"] = py::bytes(attempt.error);
    out["cpu_ms"] = attempt.cpu_ms;
    out["peak_memory_bytes"] = attempt.peak_memory_bytes;
    out["token"] = attempt.token;
    out["result"] = py::bytes(attempt.result);
    return out;
}

void add_job(py::dict& out, const job::NewJob& job) {
    out["id"] = job.id;
    out["queue"] = job.queue;
    out["task"] = job.task;
    out["payload"] = py::bytes(job.payload);
    out["priority"] = job.priority;
    out["run_at"] = job.run_at;
    out["expires_at"] = job.expires_at;
    out["soft_timeout_ms"] = job.soft_timeout_ms;
    out["hard_timeout_ms"] = job.hard_timeout_ms;
    out["retry"] = job.retry;
    out["result_ttl_ms"] = job.result_ttl_ms;
    out["correlation_id"] = job.correlation_id;
    out["headers"] = py::bytes(job.headers);
    out["tenant"] = job.tenant;
    out["unique_key"] = job.unique_key;
    out["concurrency_key"] = job.concurrency_key;
    out["rate_key"] = job.rate_key;
    out["parent_id"] = job.parent_id;
    out["schedule_id"] = job.schedule_id;
    out["nominal_at"] = job.nominal_at;
    out["task_version"] = job.task_version;
}

void add_standing(py::dict& out, const job::Standing& standing) {
    out["state"] = std::string{name(standing.state)};
    out["order_key"] = standing.order_key;
    out["enqueued_at"] = standing.enqueued_at;
    out["due_at"] = standing.due_at;
    out["attempt"] = standing.attempt;
    out["failures"] = standing.failures;
    out["snoozes"] = standing.snoozes;
    out["crashes"] = standing.crashes;
    out["suspect"] = standing.suspect;
    out["cancel_requested"] = standing.cancel_requested;
    out["token"] = standing.token;
    out["worker"] = standing.worker;
    out["lease_until"] = standing.lease_until;
    out["started_at"] = standing.started_at;
    out["closed_at"] = standing.closed_at;
    out["keep_until"] = standing.keep_until;
    out["result"] = py::bytes(standing.result);
    out["error"] = py::bytes(standing.error);
    out["reason"] = standing.reason;
    out["progress_count"] = standing.progress_count;
    out["progress_total"] = standing.progress_total;
    out["progress_message"] = standing.progress_message;
}

py::dict row_out(const store::JobRow& row) {
    py::dict out;
    add_job(out, row.job);
    add_standing(out, row.standing);
    py::list history;
    for (const job::Attempt& attempt : row.history) {
        history.append(attempt_out(attempt));
    }
    out["history"] = history;
    return out;
}

py::dict counts_out(const store::QueueCounts& counts) {
    py::dict by_state;
    for (std::size_t state = 0; state < job::kStateCount; ++state) {
        by_state[py::str(std::string{name(static_cast<job::State>(state))})] = counts.by_state[state];
    }
    py::dict out;
    out["queue"] = counts.queue;
    out["paused"] = counts.settings.paused;
    out["max_length"] = counts.settings.max_length;
    out["ageing_ms"] = counts.settings.ageing_ms;
    out["defaults"] = py::bytes(counts.settings.defaults);
    out["log_moves"] = counts.settings.log_moves;
    out["by_state"] = by_state;
    out["oldest_ready_at"] = counts.oldest_ready_at;
    return out;
}

py::dict counters_out(const store::TaskCounters& counters) {
    py::dict out;
    out["task"] = counters.task;
    out["runs"] = counters.runs;
    out["completed"] = counters.completed;
    out["failures"] = counters.failures;
    out["consecutive_failures"] = counters.consecutive_failures;
    out["duration_sum_ms"] = counters.duration_sum_ms;
    out["last_run_at"] = counters.last_run_at;
    out["last_failure_at"] = counters.last_failure_at;
    return out;
}

py::dict worker_out(const store::WorkerInfo& worker) {
    py::dict out;
    out["id"] = worker.id;
    out["host"] = worker.host;
    out["pid"] = worker.pid;
    out["boot_id"] = worker.boot_id;
    out["version"] = worker.version;
    out["queues"] = worker.queues;
    out["tasks"] = worker.tasks;
    out["slots"] = worker.slots;
    out["started_at"] = worker.started_at;
    out["seen_at"] = worker.seen_at;
    out["live"] = worker.live;
    return out;
}

py::dict event_out(const store::Event& event) {
    py::dict out;
    out["sequence"] = event.sequence;
    out["at"] = event.at;
    out["queue"] = event.queue;
    out["job_id"] = event.job_id;
    out["name"] = event.name;
    out["actor"] = event.actor;
    out["detail"] = event.detail;
    return out;
}

template <typename T, typename Convert>
py::list list_out(const std::vector<T>& values, Convert convert) {
    py::list out{values.size()};
    for (std::size_t i = 0; i < values.size(); ++i) {
        out[i] = convert(values[i]);
    }
    return out;
}

struct AnswerOut {
    py::object operator()(std::monostate) const { return py::none(); }
    py::object operator()(const std::vector<store::Inserted>& codes) const {
        const void* const data = codes.data();
        return py::bytes(static_cast<const char*>(data), codes.size());
    }
    py::object operator()(const engine::ClosedRow& row) const { return row_out(*row); }
    py::object operator()(const std::vector<std::optional<store::JobRow>>& rows) const {
        return list_out(rows,
                        [](const auto& row) -> py::object { return row ? py::object{row_out(*row)} : py::none(); });
    }
    py::object operator()(const store::ListPage& page) const {
        return py::make_tuple(list_out(page.rows, row_out), page.cursor);
    }
    py::object operator()(const std::vector<store::QueueCounts>& counts) const { return list_out(counts, counts_out); }
    py::object operator()(const std::vector<store::TaskCounters>& counters) const {
        return list_out(counters, counters_out);
    }
    py::object operator()(const std::vector<store::WorkerInfo>& workers) const { return list_out(workers, worker_out); }
    py::object operator()(const std::vector<store::Event>& events) const { return list_out(events, event_out); }
    py::object operator()(const std::vector<store::Managed>& verdicts) const {
        return list_out(verdicts, [](store::Managed verdict) { return py::str(std::string{managed_name(verdict)}); });
    }
    py::object operator()(std::int64_t number) const { return py::int_(number); }
    py::object operator()(const std::vector<std::string>& lines) const { return py::cast(lines); }
};

static_assert(sizeof(store::Inserted) == 1, "answers of an enqueue are handed out as bytes");

}  // namespace

py::object to_python(const engine::Answer& answer) {
    return std::visit(AnswerOut{}, answer);
}

py::dict to_python(const store::StoreInfo& info) {
    py::dict details;
    for (const auto& [key, value] : info.details) {
        details[py::str(key)] = value;
    }
    py::dict out;
    out["kind"] = info.kind;
    out["durability"] = info.durability;
    out["location"] = info.location;
    out["identity"] = info.identity;
    out["engine_version"] = info.engine_version;
    out["bundled"] = info.bundled;
    out["schema_version"] = info.schema_version;
    out["details"] = details;
    return out;
}

py::dict to_python(const engine::Stats& stats) {
    py::dict out;
    out["inserted"] = stats.inserted.load();
    out["claims"] = stats.claims.load();
    out["settles"] = stats.settles.load();
    out["lost"] = stats.lost.load();
    out["commits"] = stats.commits.load();
    out["renewals"] = stats.renewals.load();
    out["store_queries"] = stats.store_queries.load();
    out["store_errors"] = stats.store_errors.load();
    out["reaped"] = stats.reaped.load();
    out["pruned"] = stats.pruned.load();
    out["store_resets"] = stats.store_resets.load();
    out["damaged"] = stats.damaged.load();
    out["timeouts"] = stats.timeouts.load();
    out["stuck"] = stats.stuck.load();
    out["native_runs"] = stats.native_runs.load();
    out["running"] = stats.running.load();
    out["max_renew_gap_ms"] = stats.max_renew_gap_ms.load();
    out["max_store_call_ms"] = stats.max_store_call_ms.load();
    out["last_claim_ms"] = stats.last_claim_ms.load();
    return out;
}

}  // namespace khala::bind
