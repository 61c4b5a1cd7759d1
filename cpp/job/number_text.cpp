#include "job/number_text.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace khala::job {
namespace {

constexpr std::size_t kShownBytes = 40;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool belongs_to_number(char c) noexcept {
    return is_digit(c) || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

// The grammar of JSON: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_well_formed(std::string_view number, bool& is_integer) noexcept {
    std::size_t at = 0;
    const auto digits = [&] {
        const std::size_t start = at;
        while (at < number.size() && is_digit(number[at])) {
            ++at;
        }
        return at - start;
    };
    const auto skip_sign = [&](std::string_view signs) {
        if (at < number.size() && signs.find(number[at]) != signs.npos) {
            ++at;
        }
    };
    skip_sign("-");
    const std::size_t whole_at = at;
    const std::size_t whole = digits();
    if (whole == 0 || (whole > 1 && number[whole_at] == '0')) {
        return false;
    }
    is_integer = at == number.size();
    if (at < number.size() && number[at] == '.') {
        ++at;
        if (digits() == 0) {
            return false;
        }
    }
    if (at < number.size() && (number[at] == 'e' || number[at] == 'E')) {
        ++at;
        skip_sign("+-");
        if (digits() == 0) {
            return false;
        }
    }
    return at == number.size();
}

template <typename Number>
bool holds(std::string_view number) noexcept {
    Number value{};
    const char* end = number.data() + number.size();
    const auto [read_to, error] = std::from_chars(number.data(), end, value);
    return error == std::errc{} && read_to == end;
}

// Nothing when the number is fine.
std::string complaint(std::string_view number) {
    std::string shown{number.substr(0, kShownBytes)};
    if (number.size() > kShownBytes) {
        shown += "… (" + std::to_string(number.size()) + " characters)";
    }
    bool is_integer = false;
    if (!is_well_formed(number, is_integer)) {
        return "has " + shown + " where JSON wants a number";
    }
    if (is_integer) {
        const bool fits = number.starts_with('-') ? holds<std::int64_t>(number) : holds<std::uint64_t>(number);
        return fits ? "" : "has the integer " + shown + ", which 64 bits cannot hold; send it as a string";
    }
    const bool tiny = number.find("e-") != number.npos || number.find("E-") != number.npos;  // underflow reads as 0
    return tiny || holds<double>(number) ? "" : "has the number " + shown + ", which a double cannot hold";
}

}  // namespace

std::string explain_bad_number(std::string_view text) {
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string) {
            i += c == '\\' ? 1 : 0;
        } else if (is_digit(c) || c == '-') {
            std::size_t end = i + 1;
            while (end < text.size() && belongs_to_number(text[end])) {
                ++end;
            }
            if (std::string problem = complaint(text.substr(i, end - i)); !problem.empty()) {
                return problem;
            }
            i = end - 1;
        }
    }
    return "has a malformed number";
}

}  // namespace khala::job
