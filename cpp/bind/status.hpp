// The one place where an error of the core becomes a Python exception.
//
// The classes live in khala_jobs/errors.py, one for each ErrorCode, each called with (field, message).
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "base/result.hpp"

namespace khala::bind {

// Looks the exception classes up and also names the base class in the module, as `_core.Error`. Once, at import.
void register_errors(pybind11::module_& module);

// The exception object, for answers that carry an error instead of raising it. Needs the GIL.
[[nodiscard]] pybind11::object to_exception(const base::Error& error);

// Raises the class of error.code. Needs the GIL.
[[noreturn]] void raise(const base::Error& error);

// The value, or its error as an exception. Needs the GIL.
template <typename T>
T unwrap(base::Result<T>&& result) {
    if (!result.ok()) {
        raise(result.error());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}

}  // namespace khala::bind
