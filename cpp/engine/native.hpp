// Native jobs: C++ handlers, payload bytes in, result bytes out, on threads of their own and without Python.
//
// A handler is found by the job's task name. It may be called from several threads at once. A long one looks at
// stop_asked() now and then and answers ErrorCode::interrupted when it is true. What it throws is a failure of the job.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "engine/delivery.hpp"

namespace khala::engine {

class Inbox;

struct NativeCall {
    std::string_view payload;  // the job's JSON text
    int attempt = 1;
    store::Token fence = 0;
    std::function<bool()> stop_asked;
};
using NativeHandler = std::function<Result<std::string>(const NativeCall&)>;  // the result is JSON text

// Adds a handler for the whole process, before workers that name it start. False when the name is taken.
bool register_native(const std::string& task, NativeHandler handler);
[[nodiscard]] std::vector<std::string> native_tasks();
[[nodiscard]] bool is_native(const std::string& task);

// Runs deliveries of native tasks and posts their settlements. Grows to as many threads as jobs run at once. Belongs to
// the engine's thread.
class NativePool {
public:
    explicit NativePool(std::shared_ptr<Inbox> inbox);
    NativePool(const NativePool&) = delete;
    NativePool& operator=(const NativePool&) = delete;
    ~NativePool();  // as stop(0)

    void run(std::shared_ptr<Delivery> delivery);

    // Nothing new is begun; running handlers should have been asked to stop. Waits up to `patience_ms` for them; a
    // thread whose handler does not return is left behind, and what it settles is refused by the closed inbox.
    void stop(Millis patience_ms);

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the threads, which may outlive the pool
};

}  // namespace khala::engine
