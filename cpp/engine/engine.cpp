#include "engine/engine.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/thread.hpp"
#include "engine/loop.hpp"
#include "job/payload.hpp"

namespace khala::engine {

namespace {

Error invalid(std::string field, std::string message) {
    return Error{ErrorCode::invalid_argument, std::move(field), std::move(message)};
}

Status check_options(const EngineOptions& options) {
    if (options.lease_ms < kLeaseMinMs || options.lease_ms > kLeaseMaxMs) {
        return invalid("lease_ms", "must be " + std::to_string(kLeaseMinMs) + " to " + std::to_string(kLeaseMaxMs) +
                                       " ms, not " + std::to_string(options.lease_ms));
    }
    if (options.max_crashes < 1) {
        return invalid("max_crashes", "must be at least 1, not " + std::to_string(options.max_crashes));
    }
    if (options.inbox.jobs < 1 || options.inbox.bytes < 1) {
        return invalid("inbox", "must have room for a job");
    }
    if (options.result_bytes < 1 || options.result_bytes > kResultHardBytes) {
        return invalid("max_result_bytes", "must be 1 to " + std::to_string(kResultHardBytes) + ", not " +
                                               std::to_string(options.result_bytes));
    }
    return {};
}

Status check_work(const std::vector<store::QueueDemand>& queues, const std::vector<std::string>& tasks) {
    if (queues.empty()) {
        return invalid("queues", "a worker needs at least one queue");
    }
    std::unordered_set<std::string_view> seen;
    for (const auto& [queue, limit] : queues) {
        KHALA_TRY(job::check_name(queue, "queues"));
        if (limit < 1) {
            return invalid("queues", "the limit of queue \"" + queue + "\" must be at least 1");
        }
        if (!seen.insert(queue).second) {
            return invalid("queues", "queue \"" + queue + "\" is named twice");
        }
    }
    for (const std::string& task : tasks) {
        KHALA_TRY(job::check_name(task, "tasks"));
    }
    return {};
}

Status check_spec(const WorkerSpec& spec) {
    KHALA_TRY(job::check_name(spec.id, "worker"));
    if (spec.slots < 1 || spec.slots >= store::kSlotsMax) {
        return invalid("slots",
                       "must be 1 to " + std::to_string(store::kSlotsMax - 1) + ", not " + std::to_string(spec.slots));
    }
    return check_work(spec.queues, spec.tasks);
}

}  // namespace

struct Engine::Shared {
    Stats stats;
    std::shared_ptr<const Clock> clock;
    std::shared_ptr<std::atomic<bool>> interrupt;
    std::mutex mutex;
    std::condition_variable ended;
    // Guarded by mutex.
    bool running = true;
    std::thread thread;
};

Engine::Engine(store::StoreInfo info, const EngineOptions& options, std::shared_ptr<Inbox> inbox,
               std::shared_ptr<Shared> shared) noexcept
    : info_{std::move(info)}, options_{options}, inbox_{std::move(inbox)}, shared_{std::move(shared)} {}

Result<std::unique_ptr<Engine>> Engine::start(Opened opened, const EngineOptions& options) {
    KHALA_TRY(check_options(options));
    KHALA_TRY_ASSIGN(std::shared_ptr<Inbox> inbox, Inbox::create(options.inbox));
    auto shared = std::make_shared<Shared>();
    shared->clock = std::move(opened.clock);
    shared->interrupt = std::move(opened.interrupt);
    std::unique_ptr<Engine> engine{new Engine{opened.store->info(), options, inbox, shared}};  // private constructor
    auto loop = std::make_unique<Loop>(std::move(opened.store), options, std::move(inbox), shared->stats);
    const std::lock_guard lock{shared->mutex};
    // shared_ptr, because std::function wants to be copied; there is one owner, the thread.
    shared->thread = base::start_thread("khala-engine", [shared, loop = std::shared_ptr{std::move(loop)}]() mutable {
        loop->run();
        loop.reset();
        const std::lock_guard ending{shared->mutex};
        shared->running = false;
        shared->ended.notify_all();
    });
    return engine;
}

Engine::~Engine() {
    close(0);
}

const Stats& Engine::stats() const noexcept {
    return shared_->stats;
}

const Clock& Engine::clock() const noexcept {
    return *shared_->clock;
}

Status Engine::start_worker(Address from, WorkerSpec spec) {
    KHALA_TRY(check_spec(spec));
    return inbox_->post(StartWorker{std::move(from), std::move(spec)});
}

Status Engine::set_work(std::vector<store::QueueDemand> queues, std::vector<std::string> tasks) {
    KHALA_TRY(check_work(queues, tasks));
    return inbox_->post(SetWork{std::move(queues), std::move(tasks)});
}

bool Engine::close(Millis deadline_ms) {
    static_cast<void>(inbox_->post(Close{deadline_ms}));  // refused when it is closed or has failed already
    std::unique_lock lock{shared_->mutex};
    const auto ended = [this] { return !shared_->running; };
    const std::chrono::milliseconds patience{deadline_ms};
    if (!shared_->ended.wait_for(lock, patience, ended)) {
        // It may be waiting for other writers: that can be cut short.
        shared_->interrupt->store(true);
        shared_->ended.wait_for(lock, patience / 4, ended);
    }
    if (!shared_->thread.joinable()) {
        return !shared_->running;
    }
    if (shared_->running) {
        shared_->thread.detach();
        return false;
    }
    std::thread thread = std::move(shared_->thread);
    lock.unlock();
    thread.join();
    return true;
}

}  // namespace khala::engine
