// The little of UTF-8 that comparing words needs: where a character begins. Bytes that are no UTF-8 do no harm, each
// counts as what it looks like.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace khala::text {

[[nodiscard]] constexpr bool is_continuation(char byte) noexcept {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

[[nodiscard]] constexpr bool is_ascii(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80U; });
}

// Number of characters.
[[nodiscard]] constexpr std::size_t length(std::string_view text) noexcept {
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, is_continuation));
}

// The last character; empty if there is none.
[[nodiscard]] constexpr std::string_view last_character(std::string_view text) noexcept {
    std::size_t at = text.size();
    while (at > 0) {
        --at;
        if (!is_continuation(text[at])) {
            break;
        }
    }
    return text.substr(at);
}

[[nodiscard]] constexpr bool is_lower(char letter) noexcept {
    return letter >= 'a' && letter <= 'z';
}
[[nodiscard]] constexpr bool is_upper(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z';
}

// Of ASCII letters; all else stays.
[[nodiscard]] inline std::string lower_ascii(std::string_view text) {
    std::string lower{text};
    for (char& letter : lower) {
        if (is_upper(letter)) {
            letter = static_cast<char>(letter - 'A' + 'a');
        }
    }
    return lower;
}

}  // namespace khala::text
