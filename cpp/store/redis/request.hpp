// Commands in the server's own notation (RESP), one after the other in one buffer, so that a whole exchange is one
// write.
//
//     Request request;
//     request.command(3).add("FCALL").add("khala_claim").add(0);
//
// Each command() must be followed by exactly that many add()s before the next one or before use; complete() tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace khala::store::redis {

class Request {
public:
    // Begins a command of that many arguments, its name included; at least 1.
    Request& command(std::size_t argument_count);
    Request& add(std::string_view argument);  // bytes, taken as they are
    Request& add(const char* argument) { return add(std::string_view{argument}); }
    Request& add(const std::string& argument) { return add(std::string_view{argument}); }
    Request& add(std::int64_t argument);
    Request& add(int argument) { return add(std::int64_t{argument}); }

    // How many commands there are, hence how many replies come.
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] bool complete() const noexcept { return open_arguments_ == 0; }
    [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }
    // Length of the first command. While fewer bytes than this were sent, the server cannot have executed anything.
    [[nodiscard]] std::size_t first_length() const noexcept { return first_length_; }

    // Empty again; the buffer keeps its room.
    void clear() noexcept;

private:
    void append_length(char mark, std::size_t length);
    void finish_argument() noexcept;

    std::string bytes_;
    std::size_t count_ = 0;
    std::size_t open_arguments_ = 0;
    std::size_t first_length_ = 0;
};

}  // namespace khala::store::redis
