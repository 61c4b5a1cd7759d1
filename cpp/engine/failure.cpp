#include "engine/failure.hpp"

#include <unistd.h>

#include <string>

#include "job/error_text.hpp"
#include "job/json_text.hpp"

namespace khala::engine {

namespace {

job::Failure make(const job::ErrorText& text, bool timeout) {
    job::Failure failure{.mro = text.mro, .error = {}, .timeout = timeout};
    failure.error = job::to_text(text);
    return failure;
}

}  // namespace

job::Failure failure(const Error& error) {
    return make({.type = "NativeError",
                 .mro = {"NativeError", std::string{name(error.code)}, "Exception"},
                 .message = error.to_string(),
                 .traceback = {}},
                false);
}

job::Failure timeout_failure(Millis limit_ms) {
    // The class and bases of Python's TimeoutError, so that one retry policy covers both kinds of time-out.
    return make({.type = "TimeoutError",
                 .mro = {"TimeoutError", "OSError", "Exception", "BaseException"},
                 .message = "ran longer than " + std::to_string(limit_ms) + " ms",
                 .traceback = {}},
                true);
}

std::string stuck_line(const job::Lease& lease, int slot) {
    std::string line = R"({"event":"stuck","slot":)" + std::to_string(slot) + R"(,"pid":)" +
                       std::to_string(::getpid()) + R"(,"fence":)" + std::to_string(lease.standing.token) +
                       R"(,"job":)";
    job::append_json_string(line, lease.job.id);
    line += R"(,"task":)";
    job::append_json_string(line, lease.job.task);
    line += "}\n";
    return line;
}

}  // namespace khala::engine
