#include "store/redis/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "base/percent.hpp"

namespace khala::store::redis {
namespace {

constexpr std::size_t kUrlBytes = 4'096;
constexpr std::size_t kPrefixBytes = 64;
constexpr int kPortMax = 65'535;
constexpr int kDatabaseMax = 1'000'000;
constexpr Millis kDeadlineMinMs = 100;
constexpr Millis kDeadlineMaxMs = 60'000;

// What is wrong, without the text itself: it may hold a password.
Error refuse(std::string why) {
    return Error{ErrorCode::invalid_argument, "url", "the Redis URL " + std::move(why)};
}

template <typename Integer>
std::optional<Integer> whole_number(std::string_view text, Integer least, Integer most) {
    Integer value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
        return std::nullopt;
    }
    return value;
}

std::string range(std::int64_t least, std::int64_t most) {
    return std::to_string(least) + " to " + std::to_string(most);
}

// Percent-encoding undone; what is found must be fit for a C string and not empty.
Result<std::string> decode(std::string_view text, const std::string& what) {
    auto decoded = base::percent_decode(text);
    if (!decoded) {
        return refuse("has a % in its " + what +
                      " that is not followed by two hexadecimal digits; write %25 for a % sign");
    }
    if (decoded->find('\0') != std::string::npos) {
        return refuse("has a zero byte in its " + what);
    }
    return *std::move(decoded);
}

Status read_database(std::string_view text, RedisOptions& options) {
    const auto number = whole_number(text, 0, kDatabaseMax);
    if (!number) {
        return refuse("must have a database number where \"" + std::string{text} + "\" stands, such as /1");
    }
    options.db = *number;
    return {};
}

Status read_user_info(std::string_view text, RedisOptions& options) {
    const auto colon = text.find(':');
    KHALA_TRY_ASSIGN(options.user, decode(text.substr(0, colon), "user name"));
    if (colon == std::string_view::npos) {
        return refuse(
            "has a user without a password; write user:password@host, or :password@host for the default user");
    }
    KHALA_TRY_ASSIGN(options.password, decode(text.substr(colon + 1), "password"));
    if (options.password.empty()) {
        return refuse("has an empty password");
    }
    return {};
}

Status read_port(std::string_view text, RedisOptions& options) {
    const auto port = whole_number(text, 1, kPortMax);
    if (!port) {
        // Not quoted: an unescaped @ or / in a password ends up here.
        return refuse("has a port that is no number from " + range(1, kPortMax) +
                      "; in a password, write %40 for @, %2F for / and %3A for :");
    }
    options.port = *port;
    return {};
}

Status read_host(std::string_view text, RedisOptions& options) {
    std::string_view host = text;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) {
            return refuse("has an IPv6 address without its closing ]");
        }
        host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') {
            return refuse("must have : and a port, or nothing, after the ] of its IPv6 address");
        }
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        rest = text.substr(colon);
        if (rest.find(':', 1) != std::string_view::npos) {
            return refuse("has more than one : after its host; an IPv6 address stands in [brackets]");
        }
    }
    KHALA_TRY_ASSIGN(options.host, decode(host, "host"));
    if (options.host.empty()) {
        return refuse("names no host; the server of this machine is redis://localhost:6379/1");
    }
    const auto is_foreign = [](char c) { return c <= ' ' || c == '\x7F' || c == '"' || c == '\\'; };
    if (std::ranges::any_of(options.host, is_foreign)) {
        return refuse("has a host name with a space, a quotation mark or a control character");
    }
    return rest.empty() ? Status{} : read_port(rest.substr(1), options);
}

// --- parameters -------------------------------------------------------------------------------------------------

Status read_prefix(const std::string& value, RedisOptions& options) {
    const auto is_fit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    if (value.empty() || value.size() > kPrefixBytes || !std::ranges::all_of(value, is_fit)) {
        return refuse("must have a prefix of 1 to 64 letters, digits and ._-");
    }
    options.prefix = value;
    return {};
}

Status read_durability(const std::string& value, RedisOptions& options) {
    options.durability = durability_from_text(value);
    if (!options.durability) {
        return refuse("must say durability=memory, disk_1s, disk or replicated(n) with n from " +
                      range(1, kReplicasMax));
    }
    return {};
}

Status read_eviction(const std::string& value, RedisOptions& options) {
    if (value != "allow") {
        return refuse("can say eviction=allow, or nothing about eviction");
    }
    options.allow_eviction = true;
    return {};
}

Status read_deadline(std::string_view name, const std::string& value, Millis& deadline) {
    const auto number = whole_number<Millis>(value, kDeadlineMinMs, kDeadlineMaxMs);
    if (!number) {
        return refuse("must give " + std::string{name} + " in milliseconds, " + range(kDeadlineMinMs, kDeadlineMaxMs));
    }
    deadline = *number;
    return {};
}

using Setter = Status (*)(const std::string& value, RedisOptions& options);
enum class Where : std::uint8_t { everywhere, tls, unix_socket };

struct Parameter {
    std::string_view name;
    Where where;
    Setter set;
};

template <std::string TlsOptions::*Field>
Status set_tls(const std::string& value, RedisOptions& options) {
    if (value.empty()) {
        return refuse("has a TLS parameter without a value");
    }
    options.tls.*Field = value;
    return {};
}

template <std::string RedisOptions::*Field>
Status set_text(const std::string& value, RedisOptions& options) {
    options.*Field = value;
    return {};
}

constexpr auto kParameters = std::to_array<Parameter>({
    {"prefix", Where::everywhere, [](const std::string& value, RedisOptions& o) { return read_prefix(value, o); }},
    {"durability", Where::everywhere,
     [](const std::string& value, RedisOptions& o) { return read_durability(value, o); }},
    {"eviction", Where::everywhere, [](const std::string& value, RedisOptions& o) { return read_eviction(value, o); }},
    {"connect_ms", Where::everywhere,
     [](const std::string& value, RedisOptions& o) { return read_deadline("connect_ms", value, o.connect_ms); }},
    {"silence_ms", Where::everywhere,
     [](const std::string& value, RedisOptions& o) { return read_deadline("silence_ms", value, o.silence_ms); }},
    {"ca_file", Where::tls, &set_tls<&TlsOptions::ca_file>},
    {"cert_file", Where::tls, &set_tls<&TlsOptions::cert_file>},
    {"key_file", Where::tls, &set_tls<&TlsOptions::key_file>},
    {"server_name", Where::tls, &set_tls<&TlsOptions::server_name>},
    {"db", Where::unix_socket, [](const std::string& value, RedisOptions& o) { return read_database(value, o); }},
    {"user", Where::unix_socket, &set_text<&RedisOptions::user>},
    {"password", Where::unix_socket, &set_text<&RedisOptions::password>},
});

Status read_parameter(std::string_view text, RedisOptions& options) {
    const auto equals = text.find('=');
    const std::string name{text.substr(0, equals)};
    const auto* const parameter = std::ranges::find(kParameters, name, &Parameter::name);
    if (parameter == kParameters.end()) {
        std::string known;
        for (const Parameter& each : kParameters) {
            known.append(known.empty() ? "" : ", ").append(each.name);
        }
        return refuse("has an unknown parameter \"" + name.substr(0, kPrefixBytes) + "\"; there are " + known);
    }
    if (parameter->where == Where::tls && !options.tls.enabled) {
        return refuse("has " + name + ", which only rediss:// can use");
    }
    if (parameter->where == Where::unix_socket && options.unix_path.empty()) {
        return refuse("has " + name + " as a parameter, which only redis+unix:// can use; here it stands before ?");
    }
    if (equals == std::string_view::npos) {
        return refuse("has the parameter " + name + " without a value");
    }
    KHALA_TRY_ASSIGN(const std::string value, decode(text.substr(equals + 1), name));
    return parameter->set(value, options);
}

Status read_parameters(std::string_view text, RedisOptions& options) {
    std::vector<std::string_view> seen;
    while (!text.empty()) {
        const auto end = text.find('&');
        const std::string_view parameter = text.substr(0, end);
        const std::string_view name = parameter.substr(0, parameter.find('='));
        if (std::ranges::find(seen, name) != seen.end()) {
            return refuse("has the parameter " + std::string{name.substr(0, kPrefixBytes)} + " twice");
        }
        seen.push_back(name);
        KHALA_TRY(read_parameter(parameter, options));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    if (!options.tls.key_file.empty() && options.tls.cert_file.empty()) {
        return refuse("has key_file, and cert_file is needed beside it");
    }
    return {};
}

// --- the three forms --------------------------------------------------------------------------------------------

// user:password@host:port/db
Status read_server(std::string_view text, RedisOptions& options) {
    const auto slash = text.find('/');
    std::string_view authority = text.substr(0, slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        KHALA_TRY(read_user_info(authority.substr(0, at), options));
        authority = authority.substr(at + 1);
    }
    KHALA_TRY(read_host(authority, options));
    if (slash == std::string_view::npos || slash + 1 == text.size()) {
        return {};
    }
    return read_database(text.substr(slash + 1), options);
}

Status read_unix(std::string_view text, RedisOptions& options) {
    KHALA_TRY_ASSIGN(options.unix_path, decode(text, "path"));
    if (!options.unix_path.starts_with('/') || options.unix_path.ends_with('/')) {
        return refuse("must give the socket's absolute path after redis+unix://, with a third slash");
    }
    return {};
}

}  // namespace

Result<RedisOptions> parse_redis_url(std::string_view url) {
    struct Form {
        std::string_view scheme;
        bool tls;
        Status (*read)(std::string_view, RedisOptions&);
    };
    constexpr auto kForms = std::to_array<Form>({
        {"redis://", false, &read_server},
        {"rediss://", true, &read_server},
        {"redis+unix://", false, &read_unix},
    });
    if (url.size() > kUrlBytes) {
        return refuse("is longer than " + std::to_string(kUrlBytes) + " bytes");
    }
    const auto* const form =
        std::ranges::find_if(kForms, [&](const Form& each) { return url.starts_with(each.scheme); });
    if (form == kForms.end()) {
        return refuse("must start with redis://, rediss:// or redis+unix://");
    }
    const auto question = url.find('?');
    RedisOptions options;
    options.tls.enabled = form->tls;
    KHALA_TRY(form->read(url.substr(form->scheme.size(), question - form->scheme.size()), options));
    if (question != std::string_view::npos) {
        KHALA_TRY(read_parameters(url.substr(question + 1), options));
    }
    return options;
}

}  // namespace khala::store::redis
