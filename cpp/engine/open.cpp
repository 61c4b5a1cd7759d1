#include "engine/open.hpp"

#include <string_view>
#include <utility>

#include "store/memory/memory_store.hpp"
#include "store/redis/neighbours.hpp"
#include "store/redis/redis_store.hpp"
#include "store/redis/url.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace khala::engine {

namespace {

// Everything up to and with "://", or nothing.
std::string_view scheme_of(std::string_view url) noexcept {
    const std::size_t end = url.find("://");
    return end == std::string_view::npos ? std::string_view{} : url.substr(0, end + 3);
}

Result<std::unique_ptr<store::Store>> open_file(const std::string& url, bool create, const Opened& opened,
                                                Millis lock_wait_ms) {
    KHALA_TRY_ASSIGN(store::SqliteOptions options, store::parse_sqlite_url(url));
    options.create = create;
    options.clock = opened.clock.get();
    options.interrupt = opened.interrupt.get();
    options.lock_wait_ms = lock_wait_ms;
    return store::open_sqlite(options);
}

// `clock`: one that is moved by hand, or nullptr: then the server's is the one that counts.
Result<std::unique_ptr<store::Store>> open_server(const std::string& url, const Clock* clock, const Opened& opened) {
    KHALA_TRY_ASSIGN(store::RedisOptions options, store::redis::parse_redis_url(url));
    options.clock = clock;
    options.interrupt = opened.interrupt.get();
    return store::open_redis(options);
}

}  // namespace

Result<Opened> open_store(const std::string& url, bool create, std::shared_ptr<const Clock> clock,
                          Millis lock_wait_ms) {
    Opened opened;
    const Clock* const by_hand = clock.get();
    opened.clock = clock != nullptr ? std::move(clock) : std::make_shared<const SystemClock>();
    opened.interrupt = std::make_shared<std::atomic<bool>>(false);

    const std::string_view scheme = scheme_of(url);
    if (scheme == "memory://") {
        if (url != "memory://") {
            return Error{ErrorCode::invalid_argument, "url",
                         "memory:// takes nothing behind it, but \"" + url + "\" has something"};
        }
        opened.store = std::make_unique<store::MemoryStore>(opened.clock.get());
        return opened;
    }
    if (scheme == "sqlite://") {
        KHALA_TRY_ASSIGN(opened.store, open_file(url, create, opened, lock_wait_ms));
        return opened;
    }
    if (scheme == "redis://" || scheme == "rediss://" || scheme == "redis+unix://") {
        KHALA_TRY_ASSIGN(opened.store, open_server(url, by_hand, opened));
        return opened;
    }
    return Error{ErrorCode::invalid_argument, "url",
                 "\"" + url +
                     "\" names no store: use sqlite:///file.db, sqlite:////absolute/file.db, redis://host:6379/1 or "
                     "memory://"};
}

bool explain_death(const std::string& location, std::int64_t pid) {
    return location.starts_with("redis") ? store::redis::explain_death({}, pid) : store::explain_death(location, pid);
}

}  // namespace khala::engine
