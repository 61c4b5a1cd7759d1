#include "engine/question.hpp"

#include <utility>

namespace khala::engine {

namespace {

// Result<T> or Status of a store verb as the answer of that type.
template <typename T>
Result<Answer> to_answer(Result<T> result) {
    if (!result) {
        return std::move(result).error();
    }
    return Answer{std::move(result).value()};
}
Result<Answer> to_answer(Status status) {
    if (!status) {
        return std::move(status).error();
    }
    return Answer{};
}

struct Answering {
    store::Store& store;

    auto operator()(const GetJobs& q) { return to_answer(store.get(q.ids, q.with_history)); }
    auto operator()(const ListJobs& q) { return to_answer(store.list(q.query)); }
    auto operator()(const CountQueues& q) { return to_answer(store.counts(q.queue)); }
    auto operator()(const ReadTaskCounters&) { return to_answer(store.task_counters()); }
    auto operator()(const ReadWorkers&) { return to_answer(store.workers()); }
    auto operator()(const ReadEvents& q) { return to_answer(store.events(q.queue, q.after, q.limit)); }
    auto operator()(const ManageJobs& q) { return to_answer(store.manage(q.verb, q.ids, q.reason, q.actor)); }
    auto operator()(const ChangeQueue& q) { return to_answer(store.change_queue(q.change)); }
    auto operator()(const PruneJobs& q) { return to_answer(store.prune(q.rule)); }
    auto operator()(const CheckStore&) { return to_answer(store.check()); }
};

}  // namespace

bool is_write(const Question& question) noexcept {
    return std::holds_alternative<ManageJobs>(question) || std::holds_alternative<ChangeQueue>(question) ||
           std::holds_alternative<PruneJobs>(question);
}

Result<Answer> answer(store::Store& store, const Question& question) {
    return std::visit(Answering{store}, question);
}

}  // namespace khala::engine
