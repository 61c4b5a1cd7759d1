// Requests of Python as values of the core. Everything is checked here, in the caller's stack: what is refused raises
// with the field, the limit and, in a batch, the index. All of it needs the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "bind/job_options.hpp"
#include "engine/inbox.hpp"
#include "store/store.hpp"

namespace khala::bind {

// Payloads (bytes) and ids (str, or nothing: fresh UUIDs) as jobs, added to the insertion.
void add_jobs(engine::Insertion& insertion, const JobOptions& options, const pybind11::list& payloads,
              const pybind11::object& ids, Millis now);
void check_batch(const engine::Insertion& insertion);

// Rows as `get` answers them.
[[nodiscard]] std::vector<store::JobRow> rows_in(const pybind11::list& rows);
// Refuses what rows_in() would refuse of a list with this row, so that one odd row need not keep the others out.
void check_row(const pybind11::dict& row, std::size_t payload_bytes);

// The fields of store::ListQuery by name; unknown names are refused.
[[nodiscard]] store::ListQuery list_query_in(const pybind11::dict& from);
[[nodiscard]] std::vector<job::State> states_in(const std::vector<std::string>& names, const char* field);

[[nodiscard]] std::string fresh_id(Millis now);

}  // namespace khala::bind
