#include "bind/requests_in.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "bind/status.hpp"
#include "job/state.hpp"
#include "store/host/fork.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

[[noreturn]] void refuse(std::string field, std::string message) {
    raise({ErrorCode::invalid_argument, std::move(field), std::move(message)});
}

std::string bytes_in(const py::handle& value, const std::string& field) {
    if (!PyBytes_Check(value.ptr())) {
        refuse(field, "must be bytes");
    }
    return py::reinterpret_borrow<py::bytes>(value);
}

// One field of a dict that may be missing.
template <typename T>
void read(const py::dict& from, const char* key, T& into) {
    if (!from.contains(key)) {
        return;
    }
    const py::object value = from[key];
    try {
        if constexpr (std::is_same_v<T, std::string>) {
            into = PyBytes_Check(value.ptr()) ? std::string{py::bytes{value}} : value.cast<std::string>();
        } else {
            into = value.cast<T>();
        }
    } catch (const py::cast_error&) {
        refuse(key, "is of the wrong type: " + std::string{py::str(py::type::of(value))});
    }
}

job::Attempt attempt_in(const py::dict& from) {
    job::Attempt attempt;
    read(from, "number", attempt.number);
    read(from, "started_at", attempt.started_at);
    read(from, "ended_at", attempt.ended_at);
    read(from, "worker", attempt.worker);
    read(from, "outcome", attempt.outcome);
    read(from, "error", attempt.error);
    read(from, "cpu_ms", attempt.cpu_ms);
    read(from, "peak_memory_bytes", attempt.peak_memory_bytes);
    read(from, "token", attempt.token);
    read(from, "result", attempt.result);
    return attempt;
}

void read_job(const py::dict& from, job::NewJob& job) {
    read(from, "id", job.id);
    read(from, "queue", job.queue);
    read(from, "task", job.task);
    read(from, "payload", job.payload);
    read(from, "priority", job.priority);
    read(from, "run_at", job.run_at);
    read(from, "expires_at", job.expires_at);
    read(from, "soft_timeout_ms", job.soft_timeout_ms);
    read(from, "hard_timeout_ms", job.hard_timeout_ms);
    read(from, "retry", job.retry);
    read(from, "result_ttl_ms", job.result_ttl_ms);
    read(from, "correlation_id", job.correlation_id);
    read(from, "headers", job.headers);
    read(from, "tenant", job.tenant);
    read(from, "unique_key", job.unique_key);
    read(from, "concurrency_key", job.concurrency_key);
    read(from, "rate_key", job.rate_key);
    read(from, "parent_id", job.parent_id);
    read(from, "schedule_id", job.schedule_id);
    read(from, "nominal_at", job.nominal_at);
    read(from, "task_version", job.task_version);
}

void read_standing(const py::dict& from, job::Standing& standing) {
    std::string state{name(standing.state)};
    read(from, "state", state);
    standing.state = states_in({state}, "state").front();
    read(from, "enqueued_at", standing.enqueued_at);
    read(from, "due_at", standing.due_at);
    read(from, "attempt", standing.attempt);
    read(from, "failures", standing.failures);
    read(from, "snoozes", standing.snoozes);
    read(from, "crashes", standing.crashes);
    read(from, "suspect", standing.suspect);
    read(from, "cancel_requested", standing.cancel_requested);
    read(from, "token", standing.token);
    read(from, "worker", standing.worker);
    read(from, "started_at", standing.started_at);
    read(from, "closed_at", standing.closed_at);
    read(from, "keep_until", standing.keep_until);
    read(from, "result", standing.result);
    read(from, "error", standing.error);
    read(from, "reason", standing.reason);
    read(from, "progress_count", standing.progress_count);
    read(from, "progress_total", standing.progress_total);
    read(from, "progress_message", standing.progress_message);
}

store::JobRow row_in(const py::dict& from) {
    store::JobRow row;
    read_job(from, row.job);
    read_standing(from, row.standing);
    if (from.contains("history")) {
        for (const py::handle& attempt : py::list(from["history"])) {
            row.history.push_back(attempt_in(attempt.cast<py::dict>()));
        }
    }
    return row;
}

store::Order order_in(const std::string& text) {
    for (const auto& [known, order] :
         {std::pair{"oldest_first", store::Order::oldest_first}, std::pair{"newest_first", store::Order::newest_first},
          std::pair{"next_to_run", store::Order::next_to_run}}) {
        if (text == known) {
            return order;
        }
    }
    refuse("order", "\"" + text + "\" is none of oldest_first, newest_first, next_to_run");
}

std::string indexed(std::string_view field, std::size_t index) {
    return std::string{field} + "[" + std::to_string(index) + "]";
}

}  // namespace

std::string fresh_id(Millis now) {
    thread_local Rng rng = Rng::from_entropy();
    thread_local std::uint64_t generation = store::host::fork_generation();
    if (generation != store::host::fork_generation()) {  // the parent and its other children draw from a copy
        generation = store::host::fork_generation();
        rng = Rng::from_entropy();
    }
    return base::uuid7(now, rng);
}

void add_jobs(engine::Insertion& insertion, const JobOptions& options, const py::list& payloads, const py::object& ids,
              Millis now) {
    const std::size_t before = insertion.group.jobs.size();
    std::optional<py::list> given;
    if (!ids.is_none()) {
        given = py::list(ids);
        if (given->size() != payloads.size()) {
            refuse("ids", "has " + std::to_string(given->size()) + " entries for " + std::to_string(payloads.size()) +
                              " payloads");
        }
    }
    insertion.group.new_ids = !given && (before == 0 || insertion.group.new_ids);
    insertion.group.jobs.reserve(before + payloads.size());
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        std::string payload = bytes_in(payloads[i], indexed("payload", before + i));
        std::string id = given ? py::str((*given)[i]).cast<std::string>() : fresh_id(now);
        insertion.bytes += payload.size();
        auto made = make_job(options, std::move(id), std::move(payload), now);
        if (!made) {
            raise({made.error().code, indexed(made.error().field, before + i), made.error().message});
        }
        insertion.group.jobs.push_back(std::move(made).value());
    }
    insertion.jobs = insertion.group.jobs.size();
}

void check_batch(const engine::Insertion& insertion) {
    if (insertion.jobs == 0) {
        refuse("payloads", "is empty");
    }
    if (insertion.jobs > kBatchJobs) {
        refuse("payloads",
               std::to_string(insertion.jobs) + " jobs in one call; " + std::to_string(kBatchJobs) + " is the limit");
    }
    if (insertion.bytes > kBatchBytes) {
        refuse("payloads", std::to_string(insertion.bytes) + " bytes in one call; " + std::to_string(kBatchBytes) +
                               " is the limit");
    }
}

std::vector<store::JobRow> rows_in(const py::list& rows) {
    std::vector<store::JobRow> out;
    for (const py::handle& item : rows) {
        const store::JobRow& row = out.emplace_back(row_in(item.cast<py::dict>()));
        if (const Status valid = job::check_new_job(row.job, {.size_bytes = kPayloadHardBytes}); !valid) {
            raise({valid.error().code, indexed(valid.error().field, out.size() - 1), valid.error().message});
        }
    }
    return out;
}

void check_row(const py::dict& row, std::size_t payload_bytes) {
    unwrap(job::check_new_job(row_in(row).job, {.size_bytes = payload_bytes}));
}

std::vector<job::State> states_in(const std::vector<std::string>& names, const char* field) {
    std::vector<job::State> states;
    for (const std::string& text : names) {
        const auto state = job::state_from(std::string_view{text});
        if (!state) {
            refuse(field, "\"" + text + "\" is no state");
        }
        states.push_back(*state);
    }
    return states;
}

store::ListQuery list_query_in(const py::dict& from) {
    constexpr const char* kKnown[] = {"states",    "queue",      "task",          "correlation_id", "tenant",
                                      "parent_id", "error_type", "enqueued_from", "enqueued_to",    "order",
                                      "cursor",    "limit",      "with_history"};
    for (const auto& [key, value] : from) {
        const auto text = key.cast<std::string>();
        if (std::find(std::begin(kKnown), std::end(kKnown), text) == std::end(kKnown)) {
            refuse(text, "is no field of a query");
        }
    }
    store::ListQuery query;
    std::vector<std::string> states;
    std::string order = "oldest_first";
    read(from, "states", states);
    read(from, "queue", query.queue);
    read(from, "task", query.task);
    read(from, "correlation_id", query.correlation_id);
    read(from, "tenant", query.tenant);
    read(from, "parent_id", query.parent_id);
    read(from, "error_type", query.error_type);
    read(from, "enqueued_from", query.enqueued_from);
    read(from, "enqueued_to", query.enqueued_to);
    read(from, "order", order);
    read(from, "cursor", query.cursor);
    read(from, "limit", query.limit);
    read(from, "with_history", query.with_history);
    query.states = states_in(states, "states");
    query.order = order_in(order);
    return query;
}

}  // namespace khala::bind
