// The shape of every bound kernel: values in, the GIL released once round the call, values out.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <utility>

#include "bind/arrays.hpp"
#include "bind/status.hpp"
#include "vec/cluster.hpp"
#include "vec/isa.hpp"
#include "vec/progress.hpp"
#include "vec/sweep.hpp"

namespace khala::bind {

// Releases the GIL round the call and raises its error.
template <typename Call>
auto without_gil(Call call) {
    auto result = [&] {
        const pybind11::gil_scoped_release released;
        return call();
    }();
    return unwrap(std::move(result));
}

inline vec::Execution execution(int threads, const std::string& isa, vec::Progress* progress) {
    return {threads, unwrap(vec::parse_isa(isa, "isa")), progress};
}

inline vec::PairColumns pairs_in(const pybind11::object& left, const pybind11::object& right,
                                 const pybind11::object& cosine) {
    return {column_in<std::int64_t>(left, "left"), column_in<std::int64_t>(right, "right"),
            column_in<double>(cosine, "cosine")};
}

}  // namespace khala::bind
