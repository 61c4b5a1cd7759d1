// What a failed attempt leaves behind, as one JSON text (Standing::error, Attempt::error):
//   {"type":"ConnectionError","mro":["ConnectionError","OSError","Exception"],"message":"…","traceback":"…"}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"

namespace khala::job {

struct ErrorText {
    std::string type;              // class name
    std::vector<std::string> mro;  // class names, most derived first; what retry policies are matched against
    std::string message;
    std::string traceback;
};

// Canonical text of at most `limit_bytes` (>= 1 KiB), always valid JSON whatever the bytes of its parts. What does
// not fit is cut from the traceback's front, then from the message's end, and the text says how many bytes are gone.
[[nodiscard]] std::string to_text(const ErrorText& error, std::size_t limit_bytes = kErrorTextBytes);

[[nodiscard]] Result<ErrorText> parse_error(std::string_view text);

// The "type" of an error text; empty when there is none.
[[nodiscard]] std::string error_type(std::string_view text);

}  // namespace khala::job
