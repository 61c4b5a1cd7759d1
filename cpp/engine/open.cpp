#include "engine/open.hpp"

#include <string_view>
#include <utility>

#include "store/memory/memory_store.hpp"
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

}  // namespace

Result<Opened> open_store(const std::string& url, bool create, std::shared_ptr<const Clock> clock,
                          Millis lock_wait_ms) {
    Opened opened;
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
    return Error{ErrorCode::invalid_argument, "url",
                 "\"" + url + "\" names no store: use sqlite:///file.db, sqlite:////absolute/file.db or memory://"};
}

}  // namespace khala::engine
