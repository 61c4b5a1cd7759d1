// _core.engine: job options, the manual clock and plain functions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/failpoint.hpp"
#include "base/rng.hpp"
#include "bind/job_options.hpp"
#include "bind/manual_clock.hpp"
#include "bind/requests_in.hpp"
#include "bind/status.hpp"
#include "engine/native.hpp"
#include "engine/open.hpp"
#include "job/lifecycle.hpp"
#include "job/payload.hpp"
#include "job/retry.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

JobOptions make_options(std::string queue, std::string task, int priority, Millis delay_ms, Millis run_at,
                        Millis expires_ms, Millis expires_at, Millis soft_timeout_ms, Millis hard_timeout_ms,
                        std::string retry, Millis result_ttl_ms, std::string correlation_id, const py::bytes& headers,
                        std::string tenant, std::string parent_id, int task_version, std::size_t max_payload_bytes) {
    JobOptions options;
    job::NewJob& form = options.form;
    form.queue = std::move(queue);
    form.task = std::move(task);
    form.priority = priority;
    form.run_at = run_at;
    form.expires_at = expires_at;
    form.soft_timeout_ms = soft_timeout_ms;
    form.hard_timeout_ms = hard_timeout_ms;
    form.retry = std::move(retry);
    form.result_ttl_ms = result_ttl_ms;
    form.correlation_id = std::move(correlation_id);
    form.headers = headers;
    form.tenant = std::move(tenant);
    form.parent_id = std::move(parent_id);
    form.task_version = task_version;
    options.delay_ms = delay_ms;
    options.expires_ms = expires_ms;
    options.limits.size_bytes = max_payload_bytes;
    unwrap(check(options));
    return options;
}

std::vector<std::tuple<std::string, std::string, std::string>> transitions_out() {
    std::vector<std::tuple<std::string, std::string, std::string>> out;
    for (const job::Transition& transition : job::transitions()) {
        out.emplace_back(name(transition.from), name(transition.to), name(transition.cause));
    }
    return out;
}

// Waits of the first `count` retries, drawn once.
std::vector<Millis> backoff_preview(const std::string& retry, int count) {
    const job::RetryPolicy policy = unwrap(job::parse_retry(retry));
    Rng rng = Rng::from_entropy();
    std::vector<Millis> waits;
    for (int n = 1; n <= count; ++n) {
        waits.push_back(job::backoff_ms(policy, n, rng));
    }
    return waits;
}

void register_options(py::module_& module) {
    py::class_<JobOptions>(module, "JobOptions", "What many jobs have in common; checked here, once. Immutable.")
        .def(py::init(&make_options), py::kw_only(), py::arg("queue"), py::arg("task"), py::arg("priority") = 5,
             py::arg("delay_ms") = 0, py::arg("run_at") = 0, py::arg("expires_ms") = 0, py::arg("expires_at") = 0,
             py::arg("soft_timeout_ms") = 0, py::arg("hard_timeout_ms") = 0, py::arg("retry") = "",
             py::arg("result_ttl_ms") = base::kDayMs, py::arg("correlation_id") = "",
             py::arg("headers") = py::bytes("{}"), py::arg("tenant") = "", py::arg("parent_id") = "",
             py::arg("task_version") = 0, py::arg("max_payload_bytes") = kPayloadBytes)
        .def_property_readonly("queue", [](const JobOptions& options) { return options.form.queue; })
        .def_property_readonly("task", [](const JobOptions& options) { return options.form.task; });
}

void register_clock(py::module_& module) {
    py::class_<ManualClock, std::shared_ptr<ManualClock>>(module, "ManualClock",
                                                          "A clock that stands still until told otherwise. For tests.")
        .def(py::init<Millis>(), py::arg("wall_ms") = base::ManualClock::kDefaultWallMs)
        .def("advance", &ManualClock::advance, py::arg("ms"), "Time passes; engines on this clock look at it.")
        .def_property_readonly("wall_ms", [](const ManualClock& clock) { return clock.clock()->wall_ms(); });
}

}  // namespace

void register_values(py::module_& module) {
    register_options(module);
    register_clock(module);
    module.def(
        "next_uuid7", [] { return fresh_id(SystemClock::instance().wall_ms()); }, "A fresh job id.");
    module.def("diagram", &job::diagram, "The lifecycle as a Mermaid stateDiagram-v2.");
    module.def("transitions", &transitions_out, "The lifecycle as (from, to, cause).");
    module.def(
        "check_json",
        [](const py::bytes& text, const std::string& field, std::size_t size_bytes, std::size_t depth) {
            unwrap(job::check_json(std::string_view{text}, field, {.size_bytes = size_bytes, .depth = depth}));
        },
        py::arg("text"), py::arg("field"), py::arg("size_bytes") = kPayloadBytes, py::arg("depth") = kPayloadDepth,
        "Raises InvalidArgument unless the bytes are JSON within the limits.");
    module.def("native_tasks", &engine::native_tasks, "Names of the tasks that the native pool runs.");
    module.def("backoff_preview", &backoff_preview, py::arg("retry"), py::arg("count"),
               "Waits in ms before the first retries of a policy, drawn once.");
    module.def("explain_death", &engine::explain_death, py::arg("path"), py::arg("pid"),
               "For a supervisor about to end a worker: nobody is to be blamed for that death. False when the process "
               "has no store open there.");
    module.def(
        "configure_failpoints", [](const std::string& spec) { unwrap(base::configure_failpoints(spec)); },
        py::arg("spec"), "Arms failpoints; Unsupported in builds without them.");
    module.def("failpoint_hits", &base::failpoint_hits, "Hits of every failpoint since it was armed.");
}

}  // namespace khala::bind
