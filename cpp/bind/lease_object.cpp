#include "bind/lease_object.hpp"

#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "job/lifecycle.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

struct LeaseObject {
    PyObject ob_base;
    std::shared_ptr<engine::Delivery> delivery;
};

PyTypeObject* lease_type = nullptr;  // set once at import, never released

// What Python knows of an object of ours is its first member.
LeaseObject* object_of(PyObject* self) {
    return reinterpret_cast<LeaseObject*>(self);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

const job::Lease& lease_of(PyObject* self) {
    return object_of(self)->delivery->lease();
}

PyObject* text(std::string_view value) {
    return PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "replace");
}
PyObject* bytes(std::string_view value) {
    return PyBytes_FromStringAndSize(value.data(), static_cast<Py_ssize_t>(value.size()));
}
PyObject* number(std::int64_t value) {
    return PyLong_FromLongLong(value);
}

// Names repeat from job to job. One object for each lets Python find a handler without hashing the name again.
PyObject* name_text(const std::string& value) {
    constexpr std::size_t kNames = 1'000;
    static auto& names = *new std::unordered_map<std::string, PyObject*>;  // leaked: no Python at exit
    if (const auto known = names.find(value); known != names.end()) {
        return Py_NewRef(known->second);
    }
    PyObject* made = text(value);
    if (made != nullptr && names.size() < kNames) {
        names.emplace(value, Py_NewRef(made));
    }
    return made;
}

using Getter = PyObject* (*)(PyObject*, void*);

PyGetSetDef attribute(const char* name, Getter getter, const char* doc) {
    return {name, getter, nullptr, doc, nullptr};
}

PyGetSetDef attributes[] = {
    attribute(
        "slot", [](PyObject* self, void*) { return number(object_of(self)->delivery->slot()); }, "slot: int"),
    attribute(
        "id", [](PyObject* self, void*) { return text(lease_of(self).job.id); }, "id: str"),
    attribute(
        "queue", [](PyObject* self, void*) { return name_text(lease_of(self).job.queue); }, "queue: str"),
    attribute(
        "task", [](PyObject* self, void*) { return name_text(lease_of(self).job.task); }, "task: str"),
    attribute(
        "payload", [](PyObject* self, void*) { return bytes(lease_of(self).job.payload); }, "payload: bytes"),
    attribute(
        "headers", [](PyObject* self, void*) { return bytes(lease_of(self).job.headers); }, "headers: bytes"),
    attribute(
        "attempt", [](PyObject* self, void*) { return number(lease_of(self).standing.attempt); }, "attempt: int"),
    attribute(
        "failures", [](PyObject* self, void*) { return number(lease_of(self).standing.failures); }, "failures: int"),
    attribute(
        "crashes", [](PyObject* self, void*) { return number(lease_of(self).standing.crashes); }, "crashes: int"),
    attribute(
        "retries_left", [](PyObject* self, void*) { return number(job::retries_left(lease_of(self))); },
        "retries_left: int"),
    attribute(
        "snoozes", [](PyObject* self, void*) { return number(lease_of(self).standing.snoozes); }, "snoozes: int"),
    attribute(
        "suspect", [](PyObject* self, void*) { return PyBool_FromLong(lease_of(self).standing.suspect); },
        "suspect: bool"),
    attribute(
        "fence", [](PyObject* self, void*) { return number(lease_of(self).standing.token); }, "fence: int"),
    attribute(
        "priority", [](PyObject* self, void*) { return number(lease_of(self).job.priority); }, "priority: int"),
    attribute(
        "correlation_id", [](PyObject* self, void*) { return text(lease_of(self).job.correlation_id); },
        "correlation_id: str"),
    attribute(
        "tenant", [](PyObject* self, void*) { return text(lease_of(self).job.tenant); }, "tenant: str"),
    attribute(
        "parent_id", [](PyObject* self, void*) { return text(lease_of(self).job.parent_id); }, "parent_id: str"),
    attribute(
        "retry", [](PyObject* self, void*) { return text(lease_of(self).job.retry); }, "retry: str"),
    attribute(
        "task_version", [](PyObject* self, void*) { return number(lease_of(self).job.task_version); },
        "task_version: int"),
    attribute(
        "enqueued_at", [](PyObject* self, void*) { return number(lease_of(self).standing.enqueued_at); },
        "enqueued_at: int"),
    attribute(
        "due_at", [](PyObject* self, void*) { return number(lease_of(self).standing.due_at); }, "due_at: int"),
    attribute(
        "started_at", [](PyObject* self, void*) { return number(lease_of(self).standing.started_at); },
        "started_at: int"),
    attribute(
        "expires_at", [](PyObject* self, void*) { return number(lease_of(self).job.expires_at); }, "expires_at: int"),
    attribute(
        "soft_timeout_ms", [](PyObject* self, void*) { return number(lease_of(self).job.soft_timeout_ms); },
        "soft_timeout_ms: int"),
    attribute(
        "hard_timeout_ms", [](PyObject* self, void*) { return number(lease_of(self).job.hard_timeout_ms); },
        "hard_timeout_ms: int"),
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyObject* start(PyObject* self, PyObject*) {
    return PyBool_FromLong(object_of(self)->delivery->start());
}

PyMethodDef methods[] = {
    {"start", start, METH_NOARGS,
     "start() -> bool\n\nTo be called right before entering the handler, by the thread that runs it. True once; False "
     "when the engine took the lease back: it must not be run or settled then."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* represent(PyObject* self) {
    const job::Lease& lease = lease_of(self);
    return PyUnicode_FromFormat("<Lease %s of %s, attempt %d, slot %d>", lease.job.id.c_str(), lease.job.task.c_str(),
                                lease.standing.attempt, object_of(self)->delivery->slot());
}

void destroy(PyObject* self) {
    PyTypeObject* type = Py_TYPE(self);
    std::destroy_at(&object_of(self)->delivery);
    type->tp_free(self);
    Py_DECREF(type);  // instances of heap types own a reference to it
}

}  // namespace

PyObject* make_lease(std::shared_ptr<engine::Delivery> delivery) {
    PyObject* self = lease_type->tp_alloc(lease_type, 0);
    if (self != nullptr) {
        std::construct_at(&object_of(self)->delivery, std::move(delivery));
    }
    return self;
}

const std::shared_ptr<engine::Delivery>* lease_delivery(PyObject* object) noexcept {
    return Py_TYPE(object) == lease_type ? &object_of(object)->delivery : nullptr;
}

void register_lease(py::module_& module) {
    // Python's slots hold functions and texts alike, as pointers to anything.
    // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast, cppcoreguidelines-pro-type-const-cast)
    PyType_Slot slots[] = {
        {Py_tp_doc, const_cast<char*>("A job that was handed to this worker. Attributes are read only.")},
        {Py_tp_getset, attributes},
        {Py_tp_methods, methods},
        {Py_tp_repr, reinterpret_cast<void*>(represent)},
        {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
        {0, nullptr},
    };
    // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast, cppcoreguidelines-pro-type-const-cast)
    PyType_Spec spec{.name = "khala_jobs._core.engine.Lease",
                     .basicsize = sizeof(LeaseObject),
                     .itemsize = 0,
                     .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                     .slots = slots};
    PyObject* type = PyType_FromSpec(&spec);
    if (type == nullptr) {
        throw py::error_already_set();
    }
    lease_type = reinterpret_cast<PyTypeObject*>(type);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
    module.attr("Lease") = py::reinterpret_borrow<py::object>(type);
}

}  // namespace khala::bind
