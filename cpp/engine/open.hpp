// From the text a user writes to an open store.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

namespace khala::engine {

struct Opened {
    std::unique_ptr<store::Store> store;
    std::shared_ptr<const Clock> clock;            // the store's; outlives it
    std::shared_ptr<std::atomic<bool>> interrupt;  // true makes the store give up waiting; outlives it
};

// "memory://", "sqlite:///relative.db" or "sqlite:////absolute.db" (with "?synchronous=full|normal"), "redis://host/db"
// and its kin (store/redis/url.hpp).
// clock: nullptr = the system's. Errors say in one sentence what is wrong with the text, the file or the machine.
[[nodiscard]] Result<Opened> open_store(const std::string& url, bool create, std::shared_ptr<const Clock> clock,
                                        Millis lock_wait_ms);

// For the supervisor that is about to end a worker process of its own; `location`: StoreInfo's. Nobody is blamed for
// that death. False when that process has no store open there.
[[nodiscard]] bool explain_death(const std::string& location, std::int64_t pid);

}  // namespace khala::engine
