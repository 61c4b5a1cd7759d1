// How far a long kernel is, and the wish to stop it: plain atomics, no callback.
//
// One object serves one call at a time. The kernel writes `total` once and adds to `done`; any thread may read both
// and may set `cancelled`, which the kernel looks at after every tile (a few milliseconds) and answers with
// ErrorCode::interrupted.
#pragma once

#include <atomic>
#include <cstdint>

namespace khala::vec {

struct Progress {
    std::atomic<std::uint64_t> done{0};   // pairs of rows looked at
    std::atomic<std::uint64_t> total{0};  // pairs of rows there are to look at; 0 until that is known
    std::atomic<bool> cancelled{false};
};

}  // namespace khala::vec
