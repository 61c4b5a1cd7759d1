// What can be asked of a store besides enqueueing and running jobs, and what it answers.
//
// Questions are values: they travel through the inbox to the thread that owns the store and come back as answers
// through the port of whoever asked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"

namespace khala::engine {

struct GetJobs {
    std::vector<std::string> ids;
    bool with_history = false;
};
struct ListJobs {
    store::ListQuery query;
};
struct CountQueues {
    std::string queue;  // "" = all
};
struct ReadTaskCounters {};
struct ReadWorkers {};
struct ReadEvents {
    std::string queue;
    std::int64_t after = 0;
    int limit = 100;
};
struct ManageJobs {
    store::Verb verb = store::Verb::cancel;
    std::vector<std::string> ids;
    std::string reason;
    std::string actor;
};
struct ChangeQueue {
    store::QueueChange change;
};
struct PruneJobs {
    store::Prune rule;
};
struct CheckStore {};

using Question = std::variant<GetJobs, ListJobs, CountQueues, ReadTaskCounters, ReadWorkers, ReadEvents, ManageJobs,
                              ChangeQueue, PruneJobs, CheckStore>;

// The row of a job that closed, for whoever watched it. On the heap: a row is ten times the size of every other answer.
using ClosedRow = std::unique_ptr<store::JobRow>;

using Answer = std::variant<std::monostate, std::vector<store::Inserted>, ClosedRow,
                            std::vector<std::optional<store::JobRow>>, store::ListPage, std::vector<store::QueueCounts>,
                            std::vector<store::TaskCounters>, std::vector<store::WorkerInfo>, std::vector<store::Event>,
                            std::vector<store::Managed>, std::int64_t, std::vector<std::string>>;

// True when answering changes the store.
[[nodiscard]] bool is_write(const Question& question) noexcept;

[[nodiscard]] Result<Answer> answer(store::Store& store, const Question& question);

}  // namespace khala::engine
