// Writing JSON text, for the few documents this library makes itself (retry policies, errors).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace khala::job {

// Appends `text` as a JSON string with its quotes. Bytes that are not valid UTF-8 become U+FFFD, so the result is
// always valid JSON.
void append_json_string(std::string& out, std::string_view text);

// The longest prefix of at most `limit_bytes` that does not end inside a UTF-8 character.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t limit_bytes) noexcept;

}  // namespace khala::job
