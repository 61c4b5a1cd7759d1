#include "bind/settlements_in.hpp"

#include <string>
#include <utility>
#include <variant>

#include "bind/lease_object.hpp"
#include "bind/status.hpp"
#include "job/payload.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

enum class Kind : std::int64_t { done, fail, retry, snooze, cancel, release };

std::string path(std::size_t index, const char* part) {
    return "outcomes[" + std::to_string(index) + "]" + (*part != '\0' ? "." : "") + part;
}

[[noreturn]] void refuse(std::size_t index, const char* part, const char* message) {
    raise({ErrorCode::invalid_argument, path(index, part), message});
}

std::string bytes_in(PyObject* value, std::size_t index, const char* part) {
    if (!PyBytes_Check(value)) {
        refuse(index, part, "must be bytes of JSON");
    }
    return {PyBytes_AS_STRING(value), static_cast<std::size_t>(PyBytes_GET_SIZE(value))};
}

std::string text_in(PyObject* value, std::size_t index, const char* part) {
    if (value == Py_None) {
        return {};
    }
    Py_ssize_t size = 0;
    const char* data = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &size) : nullptr;
    if (data == nullptr) {
        PyErr_Clear();
        refuse(index, part, "must be a str that has a UTF-8 form");
    }
    return {data, static_cast<std::size_t>(size)};
}

std::int64_t number_in(PyObject* value, std::size_t index, const char* part) {
    const std::int64_t number = PyLong_Check(value) ? PyLong_AsLongLong(value) : -1;
    if (!PyLong_Check(value) || (number == -1 && PyErr_Occurred() != nullptr)) {
        PyErr_Clear();
        refuse(index, part, "must be an int of 64 bits");
    }
    return number;
}

job::Failure failure_in(PyObject* a, PyObject* b, std::size_t index) {
    if (!PyTuple_Check(a) || PyTuple_GET_SIZE(a) != 2 || !PyList_Check(PyTuple_GET_ITEM(a, 0))) {
        refuse(index, "error", "must be (list of class names, JSON bytes)");
    }
    PyObject* names = PyTuple_GET_ITEM(a, 0);
    job::Failure failure;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); ++i) {
        failure.mro.push_back(text_in(PyList_GET_ITEM(names, i), index, "error"));
    }
    failure.error = bytes_in(PyTuple_GET_ITEM(a, 1), index, "error");
    failure.timeout = b == Py_True;
    return failure;
}

// `b` is the reason, or (reason, JSON bytes of the error that it was asked for).
job::RetryAfter retry_in(PyObject* a, PyObject* b, std::size_t index) {
    const bool has_error = PyTuple_Check(b) && PyTuple_GET_SIZE(b) == 2;
    return {number_in(a, index, "delay_ms"), text_in(has_error ? PyTuple_GET_ITEM(b, 0) : b, index, "reason"),
            has_error ? bytes_in(PyTuple_GET_ITEM(b, 1), index, "error") : std::string{}};
}

job::Outcome outcome_in(Kind kind, PyObject* a, PyObject* b, std::size_t index) {
    switch (kind) {
        case Kind::done: return job::Done{bytes_in(a, index, "result")};
        case Kind::fail: return failure_in(a, b, index);
        case Kind::retry: return retry_in(a, b, index);
        case Kind::snooze: return job::Snooze{number_in(a, index, "delay_ms"), text_in(b, index, "reason")};
        case Kind::cancel: return job::Cancel{text_in(a, index, "reason")};
        case Kind::release: return job::Release{text_in(a, index, "reason")};
        default: refuse(index, "kind", "must be 0 to 5");
    }
}

std::size_t json_bytes(const job::Outcome& outcome) noexcept {
    if (const auto* done = std::get_if<job::Done>(&outcome)) {
        return done->result.size();
    }
    if (const auto* retry = std::get_if<job::RetryAfter>(&outcome)) {
        return retry->error.size();
    }
    const auto* failure = std::get_if<job::Failure>(&outcome);
    return failure != nullptr ? failure->error.size() : 0;
}

Status check_reason(const std::string& reason) {
    if (reason.size() > kReasonBytes) {
        return Error{ErrorCode::invalid_argument, "reason",
                     std::to_string(reason.size()) + " bytes; " + std::to_string(kReasonBytes) + " is the limit"};
    }
    return {};
}

Status check_delay(Millis delay_ms, Millis least) {
    if (delay_ms < least || delay_ms > kDurationMaxMs) {
        return Error{ErrorCode::invalid_argument, "delay_ms",
                     "must be " + std::to_string(least) + " to " + std::to_string(kDurationMaxMs)};
    }
    return {};
}

Status check_outcome(const job::Outcome& outcome, std::size_t result_bytes) {
    if (const auto* done = std::get_if<job::Done>(&outcome)) {
        return job::check_json(done->result, "result", {.size_bytes = result_bytes});
    }
    if (const auto* failure = std::get_if<job::Failure>(&outcome)) {
        return job::check_json(failure->error, "error", {.size_bytes = kErrorTextBytes});
    }
    if (const auto* retry = std::get_if<job::RetryAfter>(&outcome)) {
        KHALA_TRY(check_delay(retry->delay_ms, -1));
        if (!retry->error.empty()) {
            KHALA_TRY(job::check_json(retry->error, "error", {.size_bytes = kErrorTextBytes}));
        }
        return check_reason(retry->reason);
    }
    if (const auto* snooze = std::get_if<job::Snooze>(&outcome)) {
        KHALA_TRY(check_delay(snooze->delay_ms, 0));
        return check_reason(snooze->reason);
    }
    if (const auto* cancel = std::get_if<job::Cancel>(&outcome)) {
        return check_reason(cancel->reason);
    }
    const auto* release = std::get_if<job::Release>(&outcome);
    return release != nullptr ? check_reason(release->reason) : Status{};
}

}  // namespace

Settlements settlements_in(const py::list& outcomes) {
    Settlements settlements;
    settlements.items.reserve(outcomes.size());
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        PyObject* item = PyList_GET_ITEM(outcomes.ptr(), static_cast<Py_ssize_t>(i));
        const Py_ssize_t size = PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 0;
        if (size != 4 && size != 5) {
            refuse(i, "", "must be (lease, kind, a, b) or (lease, kind, a, b, cpu_ms)");
        }
        const auto* delivery = lease_delivery(PyTuple_GET_ITEM(item, 0));
        if (delivery == nullptr) {
            refuse(i, "lease", "must be a Lease");
        }
        const auto kind = static_cast<Kind>(number_in(PyTuple_GET_ITEM(item, 1), i, "kind"));
        engine::Settlement& settlement = settlements.items.emplace_back(engine::Settlement{
            *delivery, outcome_in(kind, PyTuple_GET_ITEM(item, 2), PyTuple_GET_ITEM(item, 3), i), 0});
        if (size == 5) {
            settlement.cpu_ms = number_in(PyTuple_GET_ITEM(item, 4), i, "cpu_ms");
        }
        settlements.bytes += json_bytes(settlement.outcome);
    }
    return settlements;
}

Status check(const Settlements& settlements, std::size_t result_bytes) {
    for (std::size_t i = 0; i < settlements.items.size(); ++i) {
        if (const Status valid = check_outcome(settlements.items[i].outcome, result_bytes); !valid) {
            return Error{valid.error().code, path(i, valid.error().field.c_str()), valid.error().message};
        }
    }
    return {};
}

}  // namespace khala::bind
