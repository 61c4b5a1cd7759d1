#include "job/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/plant.hpp"
#include "job/json_read.hpp"
#include "job/json_text.hpp"
#include "job/payload.hpp"

namespace khala::job {
namespace {

constexpr double kFactorMax = 1'000;

constexpr std::array<std::string_view, 5> kBackoffNames{"none", "fixed", "linear", "exponential", "delays"};
constexpr std::array<std::string_view, 3> kJitterNames{"none", "full", "equal"};

template <typename Enum, std::size_t n>
Result<Enum> named(simdjson::dom::element element, std::string_view field,
                   const std::array<std::string_view, n>& names) {
    std::string_view text;
    const bool is_text = element.get(text) == simdjson::SUCCESS;
    const auto found = std::find(names.begin(), names.end(), text);
    if (is_text && found != names.end()) {
        return static_cast<Enum>(found - names.begin());
    }
    std::string message = "must be one of ";
    for (const std::string_view name : names) {
        message.append(name == names.front() ? "" : ", ").append(name);
    }
    return Error{ErrorCode::invalid_argument, std::string{field}, std::move(message)};
}

Error refuse(std::string_view field, std::string message) {
    return Error{ErrorCode::invalid_argument, std::string{field}, std::move(message)};
}

Result<double> factor_of(simdjson::dom::element element) {
    double value = 0;
    if (element.get(value) != simdjson::SUCCESS || !(value >= 1 && value <= kFactorMax)) {
        return refuse("retry.factor", "must be a number from 1 to 1000");
    }
    return value;
}

Result<std::vector<Millis>> delays_of(simdjson::dom::element element) {
    simdjson::dom::array array;
    if (element.get(array) != simdjson::SUCCESS || array.size() == 0 || array.size() > kDelaysCount) {
        return refuse("retry.delays_ms", "must be an array of 1 to " + std::to_string(kDelaysCount) + " durations");
    }
    std::vector<Millis> delays;
    for (const simdjson::dom::element entry : array) {
        KHALA_TRY_ASSIGN(const Millis delay, integer_within(entry, "retry.delays_ms", 0, kBackoffCapMs));
        delays.push_back(delay);
    }
    return delays;
}

Result<std::vector<std::string>> classes_of(simdjson::dom::element element, std::string_view field) {
    KHALA_TRY_ASSIGN(std::vector<std::string> names, string_array(element, field));
    if (names.size() > kErrorNamesCount) {
        return refuse(field, "must name at most " + std::to_string(kErrorNamesCount) + " classes");
    }
    for (const std::string& name : names) {
        KHALA_TRY(check_name(name, field));
    }
    return names;
}

Status read_field(RetryPolicy& policy, std::string_view key, simdjson::dom::element value) {
    if (key == "kind") {
        KHALA_TRY_ASSIGN(policy.kind, named<Backoff>(value, "retry.kind", kBackoffNames));
    } else if (key == "max") {
        KHALA_TRY_ASSIGN(const std::int64_t retries, integer_within(value, "retry.max", 0, kRetriesMax));
        policy.max_retries = static_cast<int>(retries);
    } else if (key == "base_ms") {
        KHALA_TRY_ASSIGN(policy.base_ms, integer_within(value, "retry.base_ms", 0, kBackoffCapMs));
    } else if (key == "cap_ms") {
        KHALA_TRY_ASSIGN(policy.cap_ms, integer_within(value, "retry.cap_ms", 0, kBackoffCapMs));
    } else if (key == "factor") {
        KHALA_TRY_ASSIGN(policy.factor, factor_of(value));
    } else if (key == "jitter") {
        KHALA_TRY_ASSIGN(policy.jitter, named<Jitter>(value, "retry.jitter", kJitterNames));
    } else if (key == "delays_ms") {
        KHALA_TRY_ASSIGN(policy.delays_ms, delays_of(value));
    } else if (key == "on") {
        KHALA_TRY_ASSIGN(policy.on, classes_of(value, "retry.on"));
    } else if (key == "not_on") {
        KHALA_TRY_ASSIGN(policy.not_on, classes_of(value, "retry.not_on"));
    } else {
        std::string field = "retry.";
        field += utf8_prefix(key, kNameBytes);
        return refuse(field, "is not a field of a retry policy");
    }
    return {};
}

// Back to the default what the kind does not use, so that equal policies have equal texts.
Status settle_kind(RetryPolicy& policy) {
    const bool waits_by_list = policy.kind == Backoff::delays;
    if (policy.kind == Backoff::none) {
        if (policy.max_retries != 0) {
            return refuse("retry.max", "must be 0 for kind none");
        }
        policy = RetryPolicy{};
        return {};
    }
    if (waits_by_list && policy.delays_ms.empty()) {
        return refuse("retry.delays_ms", "is missing");
    }
    if (waits_by_list && policy.jitter != Jitter::none) {
        return refuse("retry.jitter", "must be none for explicit delays");
    }
    if (waits_by_list) {
        policy.base_ms = 0;
    } else {
        policy.delays_ms.clear();
    }
    if (policy.kind != Backoff::exponential) {
        policy.factor = RetryPolicy{}.factor;
    }
    if (policy.kind != Backoff::exponential && policy.kind != Backoff::linear) {
        policy.cap_ms = 0;
    }
    return {};
}

void append_names(std::string& out, std::string_view key, const std::vector<std::string>& names) {
    if (names.empty()) {
        return;
    }
    out.append(",\"").append(key).append("\":[");
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += i == 0 ? "" : ",";
        append_json_string(out, names[i]);
    }
    out += ']';
}

std::string shortest(double value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    return {buffer.data(), end};
}

// Durations are far below 2^53, so a double holds every product that is not cut to the cap; infinity is cut, too.
Millis grown(Millis base_ms, double times, Millis cap_ms) noexcept {
    if (base_ms == 0) {
        return 0;  // 0 * infinity would not be
    }
    const double wait_ms = static_cast<double>(base_ms) * times;
    return wait_ms < static_cast<double>(cap_ms) ? static_cast<Millis>(wait_ms) : cap_ms;
}

Millis jittered(Millis wait_ms, Jitter jitter, Rng& rng) noexcept {
    const auto draw = [&](Millis most) { return static_cast<Millis>(rng.below(static_cast<std::uint64_t>(most) + 1)); };
    switch (jitter) {
        case Jitter::none: return wait_ms;
        case Jitter::full: return draw(wait_ms);
        case Jitter::equal: return wait_ms / 2 + draw(wait_ms - wait_ms / 2);
    }
    return wait_ms;
}

}  // namespace

Result<RetryPolicy> parse_retry(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (text.empty() || parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) {
        return refuse("retry", "must be a JSON object");
    }
    RetryPolicy policy;
    bool has_kind = false;
    for (const auto [key, value] : object) {
        has_kind = has_kind || key == "kind";
        KHALA_TRY(read_field(policy, key, value));
    }
    if (!has_kind) {
        return refuse("retry.kind", "is missing");
    }
    KHALA_TRY(settle_kind(policy));
    return policy;
}

std::string to_text(const RetryPolicy& policy) {
    std::string out = R"({"kind":")";
    out.append(kBackoffNames.at(static_cast<std::size_t>(policy.kind))).append("\"");
    if (policy.kind == Backoff::none) {
        return out += '}';
    }
    out.append(",\"max\":").append(std::to_string(policy.max_retries));
    if (policy.kind == Backoff::delays) {
        out += ",\"delays_ms\":[";
        for (std::size_t i = 0; i < policy.delays_ms.size(); ++i) {
            out.append(i == 0 ? "" : ",").append(std::to_string(policy.delays_ms[i]));
        }
        out += ']';
    } else {
        out.append(",\"base_ms\":").append(std::to_string(policy.base_ms));
        if (policy.kind == Backoff::exponential) {
            out.append(",\"factor\":").append(shortest(policy.factor));
        }
        if (policy.kind != Backoff::fixed && policy.cap_ms != 0) {
            out.append(",\"cap_ms\":").append(std::to_string(policy.cap_ms));
        }
        if (policy.jitter != Jitter::none) {
            out.append(",\"jitter\":\"").append(kJitterNames.at(static_cast<std::size_t>(policy.jitter))).append("\"");
        }
    }
    append_names(out, "on", policy.on);
    append_names(out, "not_on", policy.not_on);
    return out += '}';
}

bool covers(const RetryPolicy& policy, const std::vector<std::string>& error_mro) noexcept {
    const auto names_one_of = [&](const std::vector<std::string>& names) {
        return std::any_of(error_mro.begin(), error_mro.end(), [&](const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        });
    };
    if (names_one_of(policy.not_on) && !KHALA_PLANT(not_on_ignored)) {
        return false;
    }
    return policy.on.empty() || names_one_of(policy.on);
}

Millis backoff_ms(const RetryPolicy& policy, int n, Rng& rng) noexcept {
    const Millis cap_ms = policy.cap_ms == 0 ? kBackoffCapMs : std::min(policy.cap_ms, kBackoffCapMs);
    const int retry = std::max(n, 1);
    switch (policy.kind) {
        case Backoff::none: return 0;
        case Backoff::fixed: return jittered(std::min(policy.base_ms, cap_ms), policy.jitter, rng);
        case Backoff::linear: return jittered(grown(policy.base_ms, retry, cap_ms), policy.jitter, rng);
        case Backoff::exponential:
            return jittered(grown(policy.base_ms, std::pow(policy.factor, retry - 1), cap_ms), policy.jitter, rng);
        case Backoff::delays: {
            if (policy.delays_ms.empty()) {
                return 0;
            }
            const std::size_t entry = std::min(static_cast<std::size_t>(retry) - 1, policy.delays_ms.size() - 1);
            return std::min(policy.delays_ms[entry], kBackoffCapMs);
        }
    }
    return 0;
}

}  // namespace khala::job
