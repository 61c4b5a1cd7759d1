#include <string>
#include <utility>

#include "store/sqlite/sqlite_store.hpp"

namespace khala::store {
namespace {

constexpr std::string_view kScheme = "sqlite:///";

Error refuse(std::string_view url, std::string_view why) {
    return Error{ErrorCode::invalid_argument, "url", "\"" + std::string{url} + "\" " + std::string{why}};
}

// "%20" and the like; nothing when a per cent sign is not followed by two digits.
std::optional<std::string> decode(std::string_view text) {
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
            const auto found = kDigits.find(digit >= 'A' && digit <= 'F' ? static_cast<char>(digit + ('a' - 'A')) : digit);
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

Status read_parameter(std::string_view url, std::string_view parameter, SqliteOptions& options) {
    const auto equals = parameter.find('=');
    const std::string_view name = parameter.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : parameter.substr(equals + 1);
    if (name != "synchronous") {
        return refuse(url, "has the unknown parameter " + std::string{name} + "; there is only synchronous");
    }
    if (value == "full") {
        options.synchronous = Synchronous::full;
    } else if (value == "normal") {
        options.synchronous = Synchronous::normal;
    } else {
        return refuse(url, "must say synchronous=full or synchronous=normal");
    }
    return {};
}

}  // namespace

Result<SqliteOptions> parse_sqlite_url(std::string_view url) {
    if (!url.starts_with(kScheme)) {
        return refuse(url, "must start with sqlite:/// (three slashes, and a fourth for an absolute path)");
    }
    std::string_view rest = url.substr(kScheme.size());
    const auto question = rest.find('?');
    const auto path = decode(rest.substr(0, question));
    if (!path || path->find('\0') != std::string::npos) {
        return refuse(url, "has a % that is not followed by two hexadecimal digits of a character");
    }
    if (path->empty() || path->ends_with('/')) {
        return refuse(url, "must name a file");
    }
    if (*path == ":memory:") {
        return refuse(url, "would be lost with its first connection; use memory://");
    }
    SqliteOptions options;
    options.path = *path;
    rest = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        KHALA_TRY(read_parameter(url, rest.substr(0, end), options));
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return options;
}

}  // namespace khala::store
