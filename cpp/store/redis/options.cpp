#include "store/redis/options.hpp"

#include <charconv>
#include <string_view>

namespace khala::store::redis {

std::string to_text(Durability durability) {
    switch (durability.level) {
        case Level::memory: return "memory";
        case Level::disk_1s: return "disk_1s";
        case Level::disk: return "disk";
        case Level::replicated: return "replicated(" + std::to_string(durability.replicas) + ")";
    }
    return "memory";
}

std::optional<Durability> durability_from_text(std::string_view text) {
    constexpr std::string_view kReplicated = "replicated(";
    if (text == "memory") {
        return Durability{.level = Level::memory};
    }
    if (text == "disk_1s") {
        return Durability{.level = Level::disk_1s};
    }
    if (text == "disk") {
        return Durability{.level = Level::disk};
    }
    if (!text.starts_with(kReplicated) || !text.ends_with(')')) {
        return std::nullopt;
    }
    const std::string_view digits = text.substr(kReplicated.size(), text.size() - kReplicated.size() - 1);
    Durability durability{.level = Level::replicated};
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), durability.replicas);
    const bool whole = failure == std::errc{} && end == digits.data() + digits.size();
    if (!whole || durability.replicas < 1 || durability.replicas > kReplicasMax) {
        return std::nullopt;
    }
    return durability;
}

std::string location(const RedisOptions& options) {
    if (!options.unix_path.empty()) {
        return "redis+unix://" + options.unix_path + "?db=" + std::to_string(options.db);
    }
    const bool is_ipv6 = options.host.find(':') != std::string::npos;
    return std::string{options.tls.enabled ? "rediss://" : "redis://"} +
           (is_ipv6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port) + "/" +
           std::to_string(options.db);
}

}  // namespace khala::store::redis
