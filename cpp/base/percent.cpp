#include "base/percent.hpp"

#include <cstddef>

namespace khala::base {

std::optional<std::string> percent_decode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::size_t kBase = 16;
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded.push_back(text[i]);
            continue;
        }
        std::size_t value = 0;
        for (std::size_t k = 1; k <= 2; ++k) {
            const char digit = i + k < text.size() ? text[i + k] : '?';
            const auto found =
                kDigits.find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + ('a' - 'A')) : digit);
            if (found == std::string_view::npos) {
                return std::nullopt;
            }
            value = value * kBase + found;
        }
        decoded.push_back(static_cast<char>(value));
        i += 2;
    }
    return decoded;
}

}  // namespace khala::base
