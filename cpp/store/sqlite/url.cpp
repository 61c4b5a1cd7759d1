#include <string>
#include <utility>

#include "base/percent.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace khala::store {
namespace {

constexpr std::string_view kScheme = "sqlite:///";

Error refuse(std::string_view url, std::string_view why) {
    return Error{ErrorCode::invalid_argument, "url", "\"" + std::string{url} + "\" " + std::string{why}};
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
    const auto path = base::percent_decode(rest.substr(0, question));
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
    bool seen = false;  // there is one parameter, so a second one of a name is a second one at all
    rest = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
    while (!rest.empty()) {
        const auto end = rest.find('&');
        KHALA_TRY(read_parameter(url, rest.substr(0, end), options));
        if (std::exchange(seen, true)) {
            return refuse(url, "has the parameter synchronous twice");
        }
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return options;
}

}  // namespace khala::store
