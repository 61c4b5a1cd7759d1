// NumPy arrays in and out, without a copy and without a guess.
//
// In: an array is taken exactly as documented (element type, C-contiguous, aligned, number of dimensions) or refused
// with an error that names the argument; nothing is cast. The view borrows the array, whose reference the bound
// function's own argument holds. Out: a std::vector becomes the array's memory.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bind/status.hpp"
#include "vec/matrix.hpp"

namespace khala::bind {

namespace detail {

template <typename T>
constexpr const char* element_name() noexcept {
    if constexpr (std::is_same_v<T, float>) {
        return "float32";
    } else if constexpr (std::is_same_v<T, double>) {
        return "float64";
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return "int32";
    } else {
        static_assert(std::is_same_v<T, std::int64_t>);
        return "int64";
    }
}

inline std::string describe(const pybind11::object& value) {
    namespace py = pybind11;
    if (!py::isinstance<py::array>(value)) {
        return "an object of type " + py::str(py::type::of(value).attr("__name__")).cast<std::string>();
    }
    const auto array = value.cast<py::array>();
    const bool contiguous = (array.flags() & py::array::c_style) != 0;
    return (contiguous ? "" : "non-contiguous ") + py::str(array.dtype()).cast<std::string>() + " of shape " +
           py::str(array.attr("shape")).cast<std::string>();
}

template <typename T>
pybind11::array exact_array(const pybind11::object& value, const char* name, pybind11::ssize_t dimensions) {
    namespace py = pybind11;
    if (py::isinstance<py::array_t<T>>(value)) {
        auto array = value.cast<py::array>();
        const int flags = array.flags();
        if (array.ndim() == dimensions && (flags & py::array::c_style) != 0 &&
            (flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0) {
            return array;
        }
    }
    raise({base::ErrorCode::invalid_argument, name,
           std::string{"expected a C-contiguous "} + element_name<T>() + " array with " + std::to_string(dimensions) +
               (dimensions == 1 ? " dimension" : " dimensions") + ", got " + describe(value) +
               "; convert it with numpy.ascontiguousarray(" + name + ", numpy." + element_name<T>() + ")"});
}

}  // namespace detail

template <typename T>
std::span<const T> column_in(const pybind11::object& value, const char* name) {
    const pybind11::array array = detail::exact_array<T>(value, name, 1);
    return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.shape(0))};
}

// None is the empty column; anything else must have `length` elements.
template <typename T>
std::span<const T> optional_column_in(const pybind11::object& value, const char* name, std::size_t length) {
    if (value.is_none()) {
        return {};
    }
    const std::span<const T> column = column_in<T>(value, name);
    if (column.size() != length) {
        raise({base::ErrorCode::invalid_argument, name,
               std::to_string(column.size()) + " elements for " + std::to_string(length) + " rows"});
    }
    return column;
}

inline vec::MatrixView matrix_in(const pybind11::object& value, const char* name) {
    const pybind11::array array = detail::exact_array<float>(value, name, 2);
    return {static_cast<const float*>(array.data()), static_cast<std::size_t>(array.shape(0)),
            static_cast<std::size_t>(array.shape(1))};
}

template <typename T>
pybind11::array_t<T> column_out(std::vector<T>&& values) {
    auto owned = std::make_unique<std::vector<T>>(std::move(values));
    const auto length = static_cast<pybind11::ssize_t>(owned->size());
    const T* data = owned->data();
    const pybind11::capsule owner{owned.get(), [](void* memory) {
                                      const std::unique_ptr<std::vector<T>> end{static_cast<std::vector<T>*>(memory)};
                                  }};
    static_cast<void>(owned.release());
    return pybind11::array_t<T>(length, data, owner);
}

}  // namespace khala::bind
