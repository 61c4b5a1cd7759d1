// Answers of the core as plain Python values: rows are dicts whose keys are the field names of the C++ structs.
// Payloads, results, errors and headers stay bytes: whoever needs them parses them. All of it needs the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include "engine/question.hpp"
#include "engine/stats.hpp"
#include "store/store.hpp"

namespace khala::bind {

[[nodiscard]] pybind11::object to_python(const engine::Answer& answer);
[[nodiscard]] pybind11::dict to_python(const store::StoreInfo& info);
[[nodiscard]] pybind11::dict to_python(const engine::Stats& stats);

}  // namespace khala::bind
