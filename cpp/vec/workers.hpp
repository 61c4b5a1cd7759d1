// A few threads for the length of one call.
#pragma once

#include <cstddef>
#include <functional>

#include "base/result.hpp"

namespace khala::vec {

// Calls body(0), ..., body(count - 1), each on a thread of its own, 0 on the calling one, and waits for all of them.
// Signals are blocked in the new threads: they belong to the host's own. `stop` is called once a body failed, and is to
// make the others return. Where the system refuses another thread, some bodies are not called: every body must be able
// to do the whole work alone. Errors: the first that is not `interrupted`, or else that; internal when memory runs out.
[[nodiscard]] base::Status run_workers(std::size_t count, const std::function<base::Status(std::size_t)>& body,
                                       const std::function<void()>& stop);

// Calls body(begin, end) for pieces of [0, count) of at most `piece` elements, on up to `threads` threads. The pieces
// are the same whatever the number of threads. `body` may throw std::bad_alloc only.
[[nodiscard]] base::Status for_pieces(int threads, std::size_t count, std::size_t piece,
                                      const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace khala::vec
