#include "bind/job_options.hpp"

#include <utility>

namespace khala::bind {

namespace {

Status check_duration(Millis value, const char* field) {
    if (value < 0 || value > kDurationMaxMs) {
        return Error{ErrorCode::invalid_argument, field,
                     "must be 0 to " + std::to_string(kDurationMaxMs) + " ms, not " + std::to_string(value)};
    }
    return {};
}

}  // namespace

Status check(const JobOptions& options) {
    KHALA_TRY(check_duration(options.delay_ms, "delay_ms"));
    KHALA_TRY(check_duration(options.expires_ms, "expires_ms"));
    if (options.limits.size_bytes < 1 || options.limits.size_bytes > kPayloadHardBytes) {
        return Error{ErrorCode::invalid_argument, "max_payload_bytes",
                     "must be 1 to " + std::to_string(kPayloadHardBytes)};
    }
    job::NewJob sample = options.form;
    sample.id = "sample";
    sample.payload = "[]";
    return job::check_new_job(sample);
}

Result<job::NewJob> make_job(const JobOptions& options, std::string id, std::string payload, Millis now) {
    KHALA_TRY(job::check_name(id, "id"));
    KHALA_TRY(job::check_json(payload, "payload", options.limits));
    const std::size_t first = payload.find_first_not_of(" \t\r\n");
    if (payload[first] != '{' && payload[first] != '[') {
        return Error{ErrorCode::invalid_argument, "payload", "must be a JSON object or array of arguments"};
    }
    job::NewJob job = options.form;
    job.id = std::move(id);
    job.payload = std::move(payload);
    if (options.delay_ms > 0) {
        job.run_at = now + options.delay_ms;
    }
    if (options.expires_ms > 0) {
        job.expires_at = now + options.expires_ms;
    }
    return job;
}

}  // namespace khala::bind
