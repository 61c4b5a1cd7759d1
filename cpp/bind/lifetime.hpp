// Where the engine's life and the interpreter's meet: fork, exit, and calls that wait with the GIL released.
//
// * A forked child has the engine's memory but none of its threads. An atfork handler sets one flag; every bound call
//   looks at it and raises Forked; nothing of the engine is destroyed in the child.
// * At exit every engine is closed while the interpreter still runs all its threads: from threading's own shutdown
//   hook where there is one, else from atexit. Whatever is reachable from here is never destroyed.
// * A thread that waits inside the core with the GIL released, and wants it back after the interpreter has gone, would
//   be killed in the middle of C++. So such calls are counted, and the exit waits for them and lets no new ones in.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

#include "engine/engine.hpp"

namespace khala::bind {

// Installs the fork handler and the exit hooks. Once, at import.
void register_lifetime(pybind11::module_& module);

// Raises Forked in a child whose parent had an engine at the time of the fork.
void check_not_forked();

// Owns the engine for Python: closed at exit if it is still open then, never destroyed in a forked child. Raises
// Closed when the interpreter is already going down.
[[nodiscard]] std::shared_ptr<engine::Engine> adopt(std::unique_ptr<engine::Engine> engine);

// One call that may wait. Both ends of its life need the GIL.
class BlockingCall {
public:
    BlockingCall();  // raises Closed when the interpreter is going down
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;
    ~BlockingCall();
};

// Runs `call` with the GIL released, counted.
template <typename Call>
auto blocking(Call call) {
    const BlockingCall counted;
    const pybind11::gil_scoped_release released;
    return call();
}

}  // namespace khala::bind
