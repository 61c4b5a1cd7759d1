// The engine: a store, the thread that owns it, and the way in.
//
// Every call returns at once; what it asked for comes back through the port that it named. Only close() waits. The
// face is thread-safe; the engine's thread never calls back and knows nothing of Python.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/inbox.hpp"
#include "engine/open.hpp"
#include "engine/options.hpp"
#include "engine/stats.hpp"
#include "store/store.hpp"

namespace khala::engine {

class Engine {
public:
    // Starts the thread. Errors: invalid_argument (options), io (no descriptors left).
    [[nodiscard]] static Result<std::unique_ptr<Engine>> start(Opened opened, const EngineOptions& options);

    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();  // close(0): call close() where there is time

    // What the store said about itself when it was opened.
    [[nodiscard]] const store::StoreInfo& info() const noexcept { return info_; }
    [[nodiscard]] const EngineOptions& options() const noexcept { return options_; }
    [[nodiscard]] const Stats& stats() const noexcept;
    [[nodiscard]] const Clock& clock() const noexcept;
    [[nodiscard]] Inbox& inbox() const noexcept { return *inbox_; }

    // Checks the whole specification. The reply to `from` says whether the worker runs: an engine has one at a time.
    // One that was stopped can be started again, at any port, with the slots and suspects it had.
    [[nodiscard]] Status start_worker(Address from, WorkerSpec spec);

    // Other queues and tasks for the worker. Nothing happens when there is none.
    [[nodiscard]] Status set_work(std::vector<store::QueueDemand> queues, std::vector<std::string> tasks);

    // Refuses new jobs and questions, stops claiming, gives back what is held, serves the rest of the inbox, closes the
    // store and joins the thread.
    // False when that took longer than the deadline: the thread is left behind and goes on by itself. Idempotent and
    // thread-safe.
    bool close(Millis deadline_ms);

private:
    struct Shared;  // with the thread, which may outlive this object

    Engine(store::StoreInfo info, const EngineOptions& options, std::shared_ptr<Inbox> inbox,
           std::shared_ptr<Shared> shared) noexcept;

    const store::StoreInfo info_;
    const EngineOptions options_;
    const std::shared_ptr<Inbox> inbox_;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace khala::engine
