#include "bind/lifetime.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "bind/status.hpp"

namespace khala::bind {

namespace py = pybind11;

namespace {

constexpr base::Millis kExitMs = 5'000;

// Read in atfork handlers, where nothing but lock-free atomics may be touched.
std::atomic<int> engines_alive{0};
std::atomic<bool> forked{false};

struct Registry {
    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    std::vector<std::weak_ptr<engine::Engine>> engines;
    int blocking_calls = 0;
    bool exiting = false;
};

// Leaked: other threads may look into it while the process exits.
Registry& registry() {
    static Registry& instance = *new Registry;
    return instance;
}

void in_child() {
    if (engines_alive.load(std::memory_order_relaxed) > 0) {
        forked.store(true, std::memory_order_relaxed);
    }
}

void refuse_exiting() {
    raise({base::ErrorCode::closed, "engine", "the interpreter is shutting down"});
}

void close_all() {
    if (forked.load(std::memory_order_relaxed)) {
        return;
    }
    const py::gil_scoped_release released;
    std::vector<std::shared_ptr<engine::Engine>> engines;
    {
        const std::lock_guard lock{registry().mutex};
        registry().exiting = true;
        for (const auto& weak : registry().engines) {
            if (auto engine = weak.lock()) {
                engines.push_back(std::move(engine));
            }
        }
    }
    for (const auto& engine : engines) {
        engine->close(kExitMs);
    }
    std::unique_lock lock{registry().mutex};
    registry().changed.wait_for(lock, std::chrono::milliseconds{kExitMs},
                                [] { return registry().blocking_calls == 0; });
}

}  // namespace

void check_not_forked() {
    if (forked.load(std::memory_order_relaxed)) {
        raise({base::ErrorCode::forked, "engine",
               "this process was forked from one that had an engine open: open it after the fork, or start processes "
               "with spawn"});
    }
}

std::shared_ptr<engine::Engine> adopt(std::unique_ptr<engine::Engine> engine) {
    std::shared_ptr<engine::Engine> shared{engine.release(), [](engine::Engine* owned) {
                                               if (!forked.load(std::memory_order_relaxed)) {
                                                   engines_alive.fetch_sub(1, std::memory_order_relaxed);
                                                   const std::unique_ptr<engine::Engine> end{owned};
                                               }
                                           }};
    engines_alive.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock{registry().mutex};
    if (registry().exiting) {
        refuse_exiting();
    }
    std::erase_if(registry().engines, [](const auto& weak) { return weak.expired(); });
    registry().engines.push_back(shared);
    return shared;
}

BlockingCall::BlockingCall() {
    const std::lock_guard lock{registry().mutex};
    if (registry().exiting) {
        refuse_exiting();
    }
    ++registry().blocking_calls;
}

BlockingCall::~BlockingCall() {
    const std::lock_guard lock{registry().mutex};
    --registry().blocking_calls;
    registry().changed.notify_all();
}

void register_lifetime(py::module_& module) {
    ::pthread_atfork(nullptr, nullptr, in_child);
    module.def("close_all", &close_all, "Closes every engine of the process. Runs at exit by itself.");
    const py::object hook = module.attr("close_all");
    // Before threading waits for non-daemon threads: their loops may be waiting for an engine. It is a private name,
    // so it may be missing; atexit runs later, but still with every thread alive.
    const py::module_ threading = py::module_::import("threading");
    if (py::hasattr(threading, "_register_atexit")) {
        threading.attr("_register_atexit")(hook);
    }
    py::module_::import("atexit").attr("register")(hook);
}

}  // namespace khala::bind
