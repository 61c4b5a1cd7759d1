// What a producer says once about many jobs: a form that is checked when it is made and filled in for each job.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "job/job.hpp"
#include "job/payload.hpp"

namespace khala::bind {

struct JobOptions {
    job::NewJob form;       // everything but id, payload and what the two below make of the time
    Millis delay_ms = 0;    // run_at = then + this; 0 = form.run_at
    Millis expires_ms = 0;  // expires_at = then + this; 0 = form.expires_at
    job::PayloadLimits limits;
};

[[nodiscard]] Status check(const JobOptions& options);

// One job of it. Checks id and payload; the rest was checked with the form.
[[nodiscard]] Result<job::NewJob> make_job(const JobOptions& options, std::string id, std::string payload, Millis now);

}  // namespace khala::bind
