// Threads of the core. They block every signal, so that signals land on threads that can act on them: a signal taken
// by a foreign thread is seen by Python only when its main thread next runs bytecode.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace khala::base {

// `name` is cut to the kernel's 15 bytes. `body` must not throw.
[[nodiscard]] std::thread start_thread(const std::string& name, std::function<void()> body);

}  // namespace khala::base
