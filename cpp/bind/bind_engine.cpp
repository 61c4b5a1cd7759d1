// _core.engine.Engine. Every call converts, posts and returns; answers come through the port. Only open and close wait,
// with the GIL released.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind/job_options.hpp"
#include "bind/lease_object.hpp"
#include "bind/lifetime.hpp"
#include "bind/manual_clock.hpp"
#include "bind/requests_in.hpp"
#include "bind/rows_out.hpp"
#include "bind/settlements_in.hpp"
#include "bind/status.hpp"
#include "engine/engine.hpp"

namespace khala::bind {

namespace py = pybind11;

void register_port(py::module_& module);
void register_values(py::module_& module);

namespace {

// Larger batches of JSON are checked with the GIL released; smaller ones are done sooner than it could be given away.
constexpr std::size_t kReleaseGilBytes = 64 * kKiB;

using PortPtr = std::shared_ptr<engine::Port>;
using Ticket = engine::Ticket;
using EnginePtr = std::shared_ptr<engine::Engine>;

EnginePtr open(const std::string& url, Millis lease_ms, int max_crashes, std::size_t inbox_jobs,
               std::size_t inbox_bytes, bool create, const std::shared_ptr<ManualClock>& clock, int supervised_fd,
               std::size_t max_result_bytes) {
    check_not_forked();
    engine::EngineOptions options;
    options.lease_ms = lease_ms;
    options.max_crashes = max_crashes;
    options.inbox = {.jobs = inbox_jobs, .bytes = inbox_bytes};
    options.result_bytes = max_result_bytes;
    options.supervised_fd = supervised_fd;
    options.real_time = clock == nullptr;
    std::shared_ptr<const Clock> source;
    if (clock != nullptr) {
        source = clock->clock();
    }
    auto started = blocking([&]() -> Result<std::unique_ptr<engine::Engine>> {
        KHALA_TRY_ASSIGN(engine::Opened opened, engine::open_store(url, create, std::move(source), options.renew_ms()));
        return engine::Engine::start(std::move(opened), options);
    });
    EnginePtr engine = adopt(unwrap(std::move(started)));
    if (clock != nullptr) {
        clock->attach(engine);
    }
    return engine;
}

bool close(const EnginePtr& engine, Millis deadline_ms) {
    check_not_forked();
    return blocking([&] { return engine->close(deadline_ms); });
}

engine::Inbox& inbox(const EnginePtr& engine) {
    check_not_forked();
    return engine->inbox();
}

// --- producing --------------------------------------------------------------------------------------------------

std::vector<std::string> insert(const EnginePtr& engine, engine::Insertion insertion) {
    check_batch(insertion);
    std::vector<std::string> ids;
    ids.reserve(insertion.jobs);
    for (const auto& job : insertion.group.jobs) {
        ids.push_back(job.id);
    }
    unwrap(inbox(engine).post(std::move(insertion)));
    return ids;
}

std::vector<std::string> enqueue(const EnginePtr& engine, const PortPtr& port, Ticket ticket, const JobOptions& options,
                                 const py::list& payloads, const py::object& ids, std::string actor) {
    engine::Insertion insertion{.from = {port, ticket}, .group = {}};
    insertion.group.actor = std::move(actor);
    add_jobs(insertion, options, payloads, ids, engine->clock().wall_ms());
    return insert(engine, std::move(insertion));
}

std::vector<std::string> enqueue_many(const EnginePtr& engine, const PortPtr& port, Ticket ticket,
                                      const py::list& groups, std::string actor) {
    engine::Insertion insertion{.from = {port, ticket}, .group = {}};
    insertion.group.actor = std::move(actor);
    for (const py::handle& group : groups) {
        const auto parts = group.cast<py::tuple>();
        add_jobs(insertion, parts[0].cast<const JobOptions&>(), parts[1].cast<py::list>(), parts[2],
                 engine->clock().wall_ms());
    }
    return insert(engine, std::move(insertion));
}

void import_rows(const EnginePtr& engine, const PortPtr& port, Ticket ticket, const py::list& rows, std::string actor) {
    engine::Insertion insertion{.from = {port, ticket}, .group = {}};
    insertion.group.actor = std::move(actor);
    insertion.group.rows = rows_in(rows);
    insertion.jobs = insertion.group.rows.size();
    for (const auto& row : insertion.group.rows) {
        insertion.bytes += row.job.payload.size();
    }
    insert(engine, std::move(insertion));
}

// --- questions --------------------------------------------------------------------------------------------------

void ask(const EnginePtr& engine, const PortPtr& port, Ticket ticket, engine::Question question) {
    unwrap(inbox(engine).post(engine::Asked{{port, ticket}, std::move(question)}));
}

store::Verb verb_in(const std::string& verb) {
    for (const auto& [text, known] :
         {std::pair{"cancel", store::Verb::cancel}, std::pair{"remove", store::Verb::remove},
          std::pair{"requeue", store::Verb::requeue}}) {
        if (verb == text) {
            return known;
        }
    }
    raise({ErrorCode::invalid_argument, "verb", "\"" + verb + "\" is none of cancel, remove, requeue"});
}

void change_queue(const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::string queue,
                  std::optional<bool> paused, std::optional<std::int64_t> max_length, std::optional<Millis> ageing_ms,
                  const std::optional<py::bytes>& defaults, std::optional<bool> log_moves, std::string actor) {
    store::QueueChange change;
    change.queue = std::move(queue);
    change.paused = paused;
    change.max_length = max_length;
    change.ageing_ms = ageing_ms;
    if (defaults) {
        change.defaults = std::string{*defaults};
    }
    change.actor = std::move(actor);
    change.log_moves = log_moves;
    ask(engine, port, ticket, engine::ChangeQueue{std::move(change)});
}

void prune(const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::string queue,
           const std::vector<std::string>& states, Millis closed_before, std::int64_t keep_count, int limit) {
    ask(engine, port, ticket,
        engine::PruneJobs{{.queue = std::move(queue),
                           .states = states_in(states, "states"),
                           .closed_before = closed_before,
                           .keep_count = keep_count,
                           .limit = limit}});
}

// --- working ----------------------------------------------------------------------------------------------------

store::Suspects suspects_in(const std::string& text) {
    for (const auto& [known, suspects] :
         {std::pair{"none", store::Suspects::none}, std::pair{"at_most_one", store::Suspects::at_most_one},
          std::pair{"only", store::Suspects::only}}) {
        if (text == known) {
            return suspects;
        }
    }
    raise({ErrorCode::invalid_argument, "suspects", "\"" + text + "\" is none of none, at_most_one, only"});
}

using Queues = std::vector<std::pair<std::string, int>>;  // names and limits

std::vector<store::QueueDemand> demands_in(const Queues& queues) {
    std::vector<store::QueueDemand> demands;
    demands.reserve(queues.size());
    for (const auto& [queue, limit] : queues) {
        demands.push_back({.queue = queue, .limit = limit});
    }
    return demands;
}

void start_worker(const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::string worker, const Queues& queues,
                  std::vector<std::string> tasks, int slots, const std::string& suspects, std::string version) {
    check_not_forked();
    engine::WorkerSpec spec{.id = std::move(worker),
                            .queues = demands_in(queues),
                            .tasks = std::move(tasks),
                            .slots = slots,
                            .suspects = suspects_in(suspects),
                            .version = std::move(version)};
    unwrap(engine->start_worker({port, ticket}, std::move(spec)));
}

void set_work(const EnginePtr& engine, const Queues& queues, std::vector<std::string> tasks) {
    check_not_forked();
    unwrap(engine->set_work(demands_in(queues), std::move(tasks)));
}

void settle(const EnginePtr& engine, const py::list& outcomes) {
    Settlements settlements = settlements_in(outcomes);
    const std::size_t result_bytes = engine->options().result_bytes;
    unwrap(settlements.bytes < kReleaseGilBytes ? check(settlements, result_bytes)
                                                : blocking([&] { return check(settlements, result_bytes); }));
    unwrap(inbox(engine).post(std::move(settlements.items)));
}

void progress(const EnginePtr& engine, const py::object& lease, std::int64_t count, std::int64_t total,
              std::string message) {
    const auto* delivery = lease_delivery(lease.ptr());
    if (delivery == nullptr) {
        raise({ErrorCode::invalid_argument, "lease", "must be a Lease"});
    }
    if (message.size() > kProgressMessageBytes) {
        raise({ErrorCode::invalid_argument, "message",
               std::to_string(message.size()) + " bytes; " + std::to_string(kProgressMessageBytes) + " is the limit"});
    }
    unwrap(inbox(engine).post(
        engine::NoteProgress{*delivery, {.count = count, .total = total, .message = std::move(message)}}));
}

py::dict stats(const EnginePtr& engine) {
    py::dict out = to_python(engine->stats());
    out["inbox_depth"] = engine->inbox().depth();
    return out;
}

using EngineClass = py::class_<engine::Engine, EnginePtr>;

void define_producing(EngineClass& type) {
    type.def("enqueue", &enqueue, py::arg("port"), py::arg("ticket"), py::arg("options"), py::arg("payloads"),
             py::arg("ids") = py::none(), py::arg("actor") = "",
             "All or none of the jobs. Returns their ids; the reply is bytes, one code a job: 0 inserted, 1 exists, 2 "
             "full, 3 refused.")
        .def("enqueue_many", &enqueue_many, py::arg("port"), py::arg("ticket"), py::arg("groups"),
             py::arg("actor") = "", "As enqueue, for a list of (options, payloads, ids or None).")
        .def("import_rows", &import_rows, py::arg("port"), py::arg("ticket"), py::arg("rows"), py::arg("actor") = "",
             "Complete rows, as get answers them.")
        .def_property_readonly("inbox_full", [](const EnginePtr& engine) { return inbox(engine).full(); })
        .def(
            "wait_space",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                unwrap(inbox(engine).post(engine::AwaitSpace{{port, ticket}}));
            },
            py::arg("port"), py::arg("ticket"), "The reply, None, comes when inbox_full has become False.");
}

void define_questions(EngineClass& type) {
    type.def(
            "get",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::vector<std::string> ids,
               bool history) {
                ask(engine, port, ticket, engine::GetJobs{std::move(ids), history});
            },
            py::arg("port"), py::arg("ticket"), py::arg("ids"), py::arg("history") = false)
        .def(
            "list",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, const py::dict& query) {
                ask(engine, port, ticket, engine::ListJobs{list_query_in(query)});
            },
            py::arg("port"), py::arg("ticket"), py::arg("query"))
        .def(
            "counts",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::string queue) {
                ask(engine, port, ticket, engine::CountQueues{std::move(queue)});
            },
            py::arg("port"), py::arg("ticket"), py::arg("queue") = "")
        .def(
            "task_counters",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                ask(engine, port, ticket, engine::ReadTaskCounters{});
            },
            py::arg("port"), py::arg("ticket"))
        .def(
            "workers",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                ask(engine, port, ticket, engine::ReadWorkers{});
            },
            py::arg("port"), py::arg("ticket"))
        .def(
            "events",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::string queue, std::int64_t after,
               int limit) {
                ask(engine, port, ticket, engine::ReadEvents{std::move(queue), after, limit});
            },
            py::arg("port"), py::arg("ticket"), py::arg("queue"), py::arg("after") = 0, py::arg("limit") = 100)
        .def(
            "check",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                ask(engine, port, ticket, engine::CheckStore{});
            },
            py::arg("port"), py::arg("ticket"));
}

void define_management(EngineClass& type) {
    type.def(
            "manage",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, const std::string& verb,
               std::vector<std::string> ids, std::string reason, std::string actor) {
                ask(engine, port, ticket,
                    engine::ManageJobs{verb_in(verb), std::move(ids), std::move(reason), std::move(actor)});
            },
            py::arg("port"), py::arg("ticket"), py::arg("verb"), py::arg("ids"), py::arg("reason") = "",
            py::arg("actor") = "")
        .def("change_queue", &change_queue, py::arg("port"), py::arg("ticket"), py::arg("queue"), py::kw_only(),
             py::arg("paused") = py::none(), py::arg("max_length") = py::none(), py::arg("ageing_ms") = py::none(),
             py::arg("defaults") = py::none(), py::arg("log_moves") = py::none(), py::arg("actor") = "")
        .def("prune", &prune, py::arg("port"), py::arg("ticket"), py::kw_only(), py::arg("queue") = "",
             py::arg("states") = std::vector<std::string>{}, py::arg("closed_before") = 0, py::arg("keep_count") = -1,
             py::arg("limit") = 1000)
        .def(
            "watch",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket, std::vector<std::string> ids) {
                unwrap(inbox(engine).post(engine::Watch{{port, ticket}, std::move(ids)}));
            },
            py::arg("port"), py::arg("ticket"), py::arg("ids"),
            "One reply for each id: the row of the closed job, or NotFound.")
        .def(
            "unwatch",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                unwrap(inbox(engine).post(engine::Unwatch{{port, ticket}}));
            },
            py::arg("port"), py::arg("ticket"));
}

void define_working(EngineClass& type) {
    type.def("start_worker", &start_worker, py::arg("port"), py::arg("ticket"), py::kw_only(), py::arg("worker"),
             py::arg("queues"), py::arg("tasks"), py::arg("slots"), py::arg("suspects") = "at_most_one",
             py::arg("version") = "",
             "Replies None when it runs, InvalidArgument when one is running. A stopped one can be started again.")
        .def("set_work", &set_work, py::kw_only(), py::arg("queues"), py::arg("tasks"),
             "What the worker serves from now on.")
        .def("settle", &settle, py::arg("outcomes"),
             "A list of (lease, kind, a, b[, cpu_ms]); either all of it is taken or it raises.")
        .def("progress", &progress, py::arg("lease"), py::arg("count"), py::arg("total"), py::arg("message"))
        .def(
            "reclaimed", [](const EnginePtr& engine, int slot) { unwrap(inbox(engine).post(engine::Reclaimed{slot})); },
            py::arg("slot"))
        .def("pause_claims",
             [](const EnginePtr& engine) { unwrap(inbox(engine).post(engine::PauseClaims{.paused = true})); })
        .def("resume_claims",
             [](const EnginePtr& engine) { unwrap(inbox(engine).post(engine::PauseClaims{.paused = false})); })
        .def(
            "stop_worker",
            [](const EnginePtr& engine, const PortPtr& port, Ticket ticket) {
                unwrap(inbox(engine).post(engine::StopWorker{{port, ticket}}));
            },
            py::arg("port") = nullptr, py::arg("ticket") = 0,
            "No more claims; what was not started is taken back. Replies None if there is a port.");
}

}  // namespace

void register_engine(py::module_& parent) {
    py::module_ module = parent.def_submodule("engine", "The job engine.");
    register_lifetime(module);
    register_lease(module);
    register_port(module);
    register_values(module);
    module.def("check_row", &check_row, py::arg("row"), py::arg("max_payload_bytes") = kPayloadHardBytes,
               "Raises InvalidArgument for a row that import_rows would not take.");
    EngineClass type{module, "Engine", "A store, the thread that owns it, and the way in."};
    type.def_static("open", &open, py::arg("url"), py::kw_only(), py::arg("lease_ms") = 15'000,
                    py::arg("max_crashes") = 3, py::arg("inbox_jobs") = 20'000, py::arg("inbox_bytes") = 64 * kMiB,
                    py::arg("create") = true, py::arg("clock") = nullptr, py::arg("supervised_fd") = -1,
                    py::arg("max_result_bytes") = kResultBytes)
        .def("close", &close, py::arg("deadline_ms") = 5'000,
             "False when the deadline passed and the thread was left behind. Idempotent.")
        .def_property_readonly("info", [](const EnginePtr& engine) { return to_python(engine->info()); })
        .def_property_readonly("stats", &stats);
    define_producing(type);
    define_questions(type);
    define_management(type);
    define_working(type);
}

}  // namespace khala::bind
