#include "job/json_text.hpp"

#include <simdjson.h>

namespace khala::job {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of the character that starts with `lead`; 1 for everything that starts none.
std::size_t expected_length(unsigned char lead) noexcept {
    if (lead >= 0xF0) {
        return lead <= 0xF4 ? 4 : 1;
    }
    if (lead >= 0xE0) {
        return 3;
    }
    return lead >= 0xC2 ? 2 : 1;
}

void append_escaped(std::string& out, char byte) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto code = static_cast<unsigned char>(byte);
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    if (code < 0x20) {
        out.append("\\u00").append(1, kHex[code >> 4U]).append(1, kHex[code & 0x0FU]);
    } else {
        out += byte;
    }
}

void append_repaired(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = expected_length(static_cast<unsigned char>(text.front()));
        if (length <= text.size() && simdjson::validate_utf8(text.data(), length)) {
            for (const char byte : text.substr(0, length)) {
                append_escaped(out, byte);
            }
            text.remove_prefix(length);
        } else {
            out += kReplacement;
            text.remove_prefix(1);
        }
    }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    if (simdjson::validate_utf8(text.data(), text.size())) {
        for (const char byte : text) {
            append_escaped(out, byte);
        }
    } else {
        append_repaired(out, text);
    }
    out += '"';
}

std::string_view utf8_prefix(std::string_view text, std::size_t limit_bytes) noexcept {
    if (text.size() <= limit_bytes) {
        return text;
    }
    std::size_t end = limit_bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return text.substr(0, end);
}

}  // namespace khala::job
