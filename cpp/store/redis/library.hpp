// The Lua side of the store (lua/*.lua): one chunk, offered to the server as a Function library, or, where there are no
// Functions, as one script for each function.
//
// The library is named after a hash of its text, and so are its functions: workers of several versions of this package
// share a server, each with the library of its own, and nothing is ever replaced under somebody who uses it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace khala::store::redis {

enum class Function : std::uint8_t {
    enqueue,   // exchange() with inserts: refused when the server is at its memory limit
    exchange,  // the same without inserts: never refused for memory
    renew,
    announce,
    workers,
    unroutable,
    lapsed,
    read,
    count_queues,
    next_due,
    events,
    members,
    manage,
    prune,
    change_queue,
};
inline constexpr std::size_t kFunctionCount = 15;

class Library {
public:
    // Of the text that is embedded here.
    Library();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& function(Function function) const noexcept {
        return functions_.at(static_cast<std::size_t>(function));
    }
    // For FUNCTION LOAD.
    [[nodiscard]] std::string text() const;
    // For SCRIPT LOAD.
    [[nodiscard]] std::string script(Function function) const;

private:
    std::string body_;
    std::string name_;
    std::array<std::string, kFunctionCount> functions_;
};

}  // namespace khala::store::redis
