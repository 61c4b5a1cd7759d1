// From bytes to replies, by hiredis' protocol reader, with bounds on what a server can make us allocate.
//
// A reader that has returned an error stays in that state until reset(): nothing after a broken byte can be trusted.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "store/redis/arena.hpp"
#include "store/redis/reply.hpp"

struct redisReader;

namespace khala::store::redis {

struct ReplyLimits {
    std::size_t bytes = std::size_t{1} << 30U;     // of all replies between two reset()s, as sent
    std::size_t elements = std::size_t{4} << 20U;  // values between two reset()s, those within arrays included
};

class Reader {
public:
    explicit Reader(ReplyLimits limits = {});
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // Hands in what arrived. Errors: corrupt, when the limit of bytes is passed.
    [[nodiscard]] Status feed(std::string_view bytes);
    // Takes the next whole reply; false when more bytes are needed. Errors: corrupt, with what is wrong.
    [[nodiscard]] Result<bool> next(Reply& reply);

    // Gives up every reply that was taken; what arrived beyond them is kept.
    void release() noexcept;
    // As release(), and forgets what was fed, for a new connection.
    void reset();
    // Whether nothing was fed that was not taken.
    [[nodiscard]] bool drained() const noexcept;

private:
    struct Hooks;
    // Memory for a value; nullptr when the machine has none.
    [[nodiscard]] void* allocate(std::size_t bytes) noexcept;
    [[nodiscard]] bool between_values() const noexcept;
    // Adds to elements_; false beyond the limit.
    [[nodiscard]] bool count(std::size_t elements) noexcept;

    ReplyLimits limits_;
    Arena arena_;
    std::size_t bytes_ = 0;     // fed since release()
    std::size_t elements_ = 0;  // made since release()
    std::unique_ptr<redisReader, void (*)(redisReader*)> reader_;
};

}  // namespace khala::store::redis
