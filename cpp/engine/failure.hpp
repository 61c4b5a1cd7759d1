// What the engine itself has to say about runs: time-outs, answers of native handlers, stuck handlers.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "job/job.hpp"
#include "job/move.hpp"

namespace khala::engine {

// The JSON text of an error, as Standing::error: type, its base classes, message; no traceback.
[[nodiscard]] job::Failure failure(const Error& error);
[[nodiscard]] job::Failure timeout_failure(Millis limit_ms);

// One line of JSON for the supervisor of this process: the handler in `slot` has outlived its hard timeout.
[[nodiscard]] std::string stuck_line(const job::Lease& lease, int slot);

}  // namespace khala::engine
