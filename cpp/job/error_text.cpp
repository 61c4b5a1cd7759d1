#include "job/error_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cassert>

#include "job/json_read.hpp"
#include "job/json_text.hpp"

namespace khala::job {
namespace {

constexpr std::size_t kNameShareBytes = kNameBytes;  // of one class name
constexpr std::size_t kMroCount = 32;                // deeper hierarchies are not matched further up

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string gone(std::size_t count_bytes) {
    return "[" + std::to_string(count_bytes) + " bytes cut]";
}

// The longest front (or back) of `text` whose quoted form, with a remark about the rest, takes `limit_bytes`.
// Halving instead of measuring: this is the path of oversized errors only.
std::string fit(std::string_view text, std::size_t limit_bytes, bool keep_front) {
    std::string whole = json_string(text);
    if (whole.size() <= limit_bytes) {
        return whole;
    }
    std::size_t keep = std::min(text.size(), limit_bytes);
    for (;;) {
        const std::string_view part =
            keep_front ? utf8_prefix(text, keep) : text.substr(text.size() - std::min(keep, text.size()));
        const std::string remark = gone(text.size() - part.size());
        std::string cut = json_string(keep_front ? std::string{part} + remark : remark + std::string{part});
        if (cut.size() <= limit_bytes || keep == 0) {
            return cut;
        }
        keep = keep * 3 / 4;
    }
}

std::string head(const ErrorText& error) {
    std::string out = R"({"type":)";
    append_json_string(out, utf8_prefix(error.type, kNameShareBytes));
    out += R"(,"mro":[)";
    for (std::size_t i = 0; i < std::min(error.mro.size(), kMroCount); ++i) {
        out += i == 0 ? "" : ",";
        append_json_string(out, utf8_prefix(error.mro[i], kNameShareBytes));
    }
    return out + R"(],"message":)";
}

}  // namespace

std::string to_text(const ErrorText& error, std::size_t limit_bytes) {
    assert(limit_bytes >= kKiB);
    constexpr std::string_view kJoint = R"(,"traceback":)";
    constexpr std::size_t kFrame = kJoint.size() + 1;  // and the closing brace

    std::string out = head(error);
    if (out.size() + kFrame > limit_bytes / 2) {  // absurd names: the message matters more
        out = head(ErrorText{error.type.substr(0, kNameShareBytes), {}, {}, {}});
    }
    // The message may take half of what is left, or all that the traceback does not need.
    const std::size_t room = limit_bytes - out.size() - kFrame;
    const std::size_t traceback_wants = json_string(error.traceback).size();
    const std::size_t message_share = std::max(room / 2, room - std::min(room, traceback_wants));
    const std::string message = fit(error.message, message_share, true);
    out.append(message).append(kJoint);
    out += fit(error.traceback, room - message.size(), false);
    return out += '}';
}

Result<ErrorText> parse_error(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (text.empty() || parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) {
        return Error{ErrorCode::invalid_argument, "error", "must be a JSON object"};
    }
    ErrorText error;
    for (const auto& [key, target] : {std::pair{"type", &error.type}, std::pair{"message", &error.message},
                                      std::pair{"traceback", &error.traceback}}) {
        const auto found = object[key];
        if (found.error()) {
            continue;
        }
        std::string_view value;
        if (found.get(value) != simdjson::SUCCESS) {
            return Error{ErrorCode::invalid_argument, "error." + std::string{key}, "must be a string"};
        }
        target->assign(value);
    }
    if (const auto found = object["mro"]; !found.error()) {
        auto names = string_array(found.value_unsafe(), "error.mro");
        if (!names) {
            return std::move(names).error();
        }
        error.mro = *std::move(names);
    }
    return error;
}

std::string error_type(std::string_view text) {
    if (text.empty()) {
        return {};
    }
    auto error = parse_error(text);
    return error ? std::move(error->type) : std::string{};
}

}  // namespace khala::job
