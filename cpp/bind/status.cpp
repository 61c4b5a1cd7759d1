#include "bind/status.hpp"

#include <pybind11/gil_safe_call_once.h>

#include <array>
#include <cstddef>

namespace khala::bind {
namespace {

namespace py = pybind11;
using base::ErrorCode;

constexpr const char* class_name(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument: return "InvalidArgument";
        case ErrorCode::not_found: return "NotFound";
        case ErrorCode::queue_full: return "QueueFull";
        case ErrorCode::store_full: return "StoreFull";
        case ErrorCode::busy: return "StoreBusy";
        case ErrorCode::io: return "StoreIO";
        case ErrorCode::corrupt: return "StoreCorrupt";
        case ErrorCode::schema: return "SchemaMismatch";
        case ErrorCode::unsupported: return "Unsupported";
        case ErrorCode::closed: return "Closed";
        case ErrorCode::forked: return "Forked";
        case ErrorCode::unavailable: return "StoreUnavailable";
        case ErrorCode::denied: return "StoreDenied";
        case ErrorCode::interrupted: return "Interrupted";
        case ErrorCode::unknown_outcome: return "UnknownOutcome";
        case ErrorCode::internal: return "Internal";
    }
    return "Internal";
}

// Loaded once and kept until the process ends: nothing must drop a Python reference after the interpreter is gone.
const py::module_& classes() {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::module_> storage;
    return storage.call_once_and_store_result([] { return py::module_::import("khala_jobs.errors"); }).get_stored();
}

}  // namespace

void register_errors(py::module_& module) {
    module.attr("Error") = classes().attr("Error");
}

py::object to_exception(const base::Error& error) {
    return classes().attr(class_name(error.code))(error.field, error.message);
}

void raise(const base::Error& error) {
    const py::object exception = to_exception(error);
    PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    throw py::error_already_set();
}

}  // namespace khala::bind
