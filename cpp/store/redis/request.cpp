#include "store/redis/request.hpp"

#include <array>
#include <cassert>
#include <charconv>

namespace khala::store::redis {
namespace {

constexpr std::size_t kNumberChars = 24;  // of any 64-bit integer

template <typename Integer>
std::string_view to_chars(std::array<char, kNumberChars>& room, Integer value) noexcept {
    const auto end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
    return {room.data(), static_cast<std::size_t>(end - room.data())};
}

}  // namespace

void Request::append_length(char mark, std::size_t length) {
    std::array<char, kNumberChars> room{};
    bytes_.push_back(mark);
    bytes_.append(to_chars(room, length)).append("\r\n");
}

void Request::finish_argument() noexcept {
    assert(open_arguments_ > 0 && "more arguments than command() announced");
    --open_arguments_;
    if (count_ == 1) {
        first_length_ = bytes_.size();
    }
}

Request& Request::command(std::size_t argument_count) {
    assert(complete() && "the previous command lacks arguments");
    assert(argument_count > 0);
    append_length('*', argument_count);
    open_arguments_ = argument_count;
    ++count_;
    return *this;
}

Request& Request::add(std::string_view argument) {
    append_length('$', argument.size());
    bytes_.append(argument).append("\r\n");
    finish_argument();
    return *this;
}

Request& Request::add(std::int64_t argument) {
    std::array<char, kNumberChars> room{};
    return add(to_chars(room, argument));
}

void Request::clear() noexcept {
    bytes_.clear();
    count_ = 0;
    open_arguments_ = 0;
    first_length_ = 0;
}

}  // namespace khala::store::redis
