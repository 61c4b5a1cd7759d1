// What the server answered: a value without ownership. Texts and elements live in the arena of the Reader that made it
// and are gone with its next reset(), for replies of a Link with the Link's next call.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace khala::store::redis {

class Reply {
public:
    enum class Kind : std::uint8_t { nil, status, integer, text, array, error };

    Reply() = default;
    [[nodiscard]] static Reply make_text(Kind kind, std::string_view text) noexcept {
        Reply reply;
        reply.kind_ = kind;
        reply.data_ = text.data();
        reply.number_ = static_cast<std::int64_t>(text.size());
        return reply;
    }
    [[nodiscard]] static Reply make_integer(std::int64_t value) noexcept {
        Reply reply;
        reply.kind_ = Kind::integer;
        reply.number_ = value;
        return reply;
    }
    [[nodiscard]] static Reply make_array(std::span<const Reply> elements) noexcept {
        Reply reply;
        reply.kind_ = Kind::array;
        reply.data_ = elements.data();
        reply.number_ = static_cast<std::int64_t>(elements.size());
        return reply;
    }

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_nil() const noexcept { return kind_ == Kind::nil; }
    [[nodiscard]] bool is_error() const noexcept { return kind_ == Kind::error; }
    [[nodiscard]] bool is_array() const noexcept { return kind_ == Kind::array; }

    // Of status, text and error; empty for the others.
    [[nodiscard]] std::string_view text() const noexcept {
        const bool textual = kind_ == Kind::status || kind_ == Kind::text || kind_ == Kind::error;
        return textual ? std::string_view{static_cast<const char*>(data_), static_cast<std::size_t>(number_)}
                       : std::string_view{};
    }
    // Of integer; 0 for the others.
    [[nodiscard]] std::int64_t integer() const noexcept { return kind_ == Kind::integer ? number_ : 0; }
    // Of array; empty for the others.
    [[nodiscard]] std::span<const Reply> elements() const noexcept {
        return is_array() ? std::span{static_cast<const Reply*>(data_), static_cast<std::size_t>(number_)}
                          : std::span<const Reply>{};
    }

private:
    Kind kind_ = Kind::nil;
    const void* data_ = nullptr;
    std::int64_t number_ = 0;  // the integer, or the length of what data_ points to
};

}  // namespace khala::store::redis
