// Complete rows of jobs, as they come over from another store.
#pragma once

#include <string>
#include <utility>

#include "store/contract/bench.hpp"

namespace khala::store::contract {

inline JobRow closed_row(std::string id) {
    JobRow row;
    row.ref = 77;
    row.job = Bench::job(std::move(id));
    row.standing.state = completed;
    row.standing.order_key = 12'345;
    row.standing.enqueued_at = 1'000;
    row.standing.due_at = 1'100;
    row.standing.attempt = 2;
    row.standing.failures = 1;
    row.standing.snoozes = 3;
    row.standing.token = 500;
    row.standing.worker = "far away";
    row.standing.started_at = 1'200;
    row.standing.closed_at = 1'300;
    row.standing.keep_until = 99'000'000'000'000;
    row.standing.result = "[1]";
    row.standing.reason = "because";
    row.standing.progress_count = 4;
    row.standing.progress_total = 5;
    row.standing.progress_message = "four";
    Attempt first;
    first.number = 1;
    first.started_at = 1'100;
    first.ended_at = 1'150;
    first.worker = "another";
    first.outcome = "failed";
    first.error = R"({"type":"E"})";
    first.cpu_ms = 3;
    first.peak_memory_bytes = 1'024;
    first.token = 400;
    Attempt second = first;
    second.number = 2;
    second.started_at = 1'200;
    second.ended_at = 1'300;
    second.worker = "far away";
    second.outcome = "completed";
    second.error = "";
    second.token = 500;
    row.history = {first, second};
    return row;
}

inline JobRow waiting_row(std::string id, State state = ready) {
    JobRow row;
    row.job = Bench::job(std::move(id));
    row.standing.state = state;
    row.standing.enqueued_at = 1'000;
    row.standing.due_at = 1'000;
    return row;
}

}  // namespace khala::store::contract
