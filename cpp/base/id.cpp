#include "base/id.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace khala::base {

std::string uuid7(Millis now_ms, Rng& rng) {
    constexpr std::uint64_t kVersion7 = 0x7000U;
    constexpr std::uint64_t kVariant = 0x8000000000000000U;
    constexpr std::string_view kDigits = "0123456789abcdef";

    const std::uint64_t high = (static_cast<std::uint64_t>(now_ms) << 16U) | kVersion7 | (rng() & 0x0fffU);
    const std::uint64_t low = kVariant | (rng() >> 2U);

    std::string text;
    text.reserve(36);
    for (std::size_t digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) {
            text.push_back('-');
        }
        const std::uint64_t word = digit < 16 ? high : low;
        text.push_back(kDigits[(word >> (60U - 4U * (digit % 16))) & 0xfU]);
    }
    return text;
}

}  // namespace khala::base
