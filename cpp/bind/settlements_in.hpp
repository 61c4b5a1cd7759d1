// How runs ended, from Python: a list of (lease, kind, a, b[, cpu_ms]) as values of the core, checked as a whole.
//
//   kind  DONE 0     a: result, JSON bytes                         b: None
//         FAIL 1     a: (class names of the MRO, error JSON bytes) b: True when a time-out ended it
//         RETRY 2    a: delay in ms, -1 by policy                  b: reason
//         SNOOZE 3   a: delay in ms                                b: reason
//         CANCEL 4   a: reason                                     b: None
//         RELEASE 5  a: reason                                     b: None
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <vector>

#include "base/result.hpp"
#include "engine/inbox.hpp"

namespace khala::bind {

struct Settlements {
    std::vector<engine::Settlement> items;
    std::size_t bytes = 0;  // of JSON that check() will read
};

// Types only; raises. Needs the GIL.
[[nodiscard]] Settlements settlements_in(const pybind11::list& outcomes);

// Sizes and JSON. The field of the error begins with the index: "outcomes[3].result". Needs no GIL.
[[nodiscard]] Status check(const Settlements& settlements, std::size_t result_bytes);

}  // namespace khala::bind
