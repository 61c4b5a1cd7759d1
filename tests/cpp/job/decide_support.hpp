// A running job and a failure to decide about, for the tests of decide().
#pragma once

#include <string>
#include <string_view>

#include "job/lifecycle.hpp"

namespace khala::job {

inline constexpr Millis kNow = 1'767'225'600'000;
inline constexpr Millis kTtl = 60'000;
inline constexpr std::string_view kFixed = R"({"kind":"fixed","max":2,"base_ms":1000,"not_on":["ValueError"]})";

inline Lease running_lease(std::string_view retry = kFixed) {
    Lease lease;
    lease.ref = 17;
    lease.job.id = "j1";
    lease.job.queue = "q";
    lease.job.task = "t";
    lease.job.retry = retry;
    lease.job.result_ttl_ms = kTtl;
    lease.standing.state = State::running;
    lease.standing.attempt = 1;
    lease.standing.token = 99;
    lease.standing.lease_until = 5'000;
    lease.standing.started_at = kNow - 10;
    lease.standing.due_at = kNow - 20;
    return lease;
}

inline Failure failure(std::string type = "OSError", bool timeout = false) {
    return {{std::move(type), "Exception"}, R"({"type":"x"})", timeout};
}

}  // namespace khala::job
