#include "job/payload.hpp"

#include <simdjson.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "job/json_text.hpp"
#include "job/number_text.hpp"
#include "job/order_key.hpp"
#include "job/retry.hpp"

namespace khala::job {
namespace {

// A parser keeps about twelve bytes a document byte; beyond this size it is not worth keeping a thread's.
constexpr std::size_t kKeptDocumentBytes = 64 * kKiB;

Error refuse(std::string_view field, std::string message) {
    return Error{ErrorCode::invalid_argument, std::string{field}, std::move(message)};
}

std::string at_most(std::size_t limit, std::string_view unit, std::size_t has) {
    return "must be at most " + std::to_string(limit) + " " + std::string{unit} + ", has " + std::to_string(has);
}

// Arrays and objects that are open at once, at most, outside of strings. Brackets need not match.
std::size_t nesting(std::string_view text) noexcept {
    std::size_t open = 0;
    std::size_t deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        switch (text[i]) {
            case '"': in_string = !in_string; break;
            case '\\': i += in_string ? 1 : 0; break;
            case '[':
            case '{':
                open += in_string ? 0 : 1;
                deepest = open > deepest ? open : deepest;
                break;
            case ']':
            case '}': open -= in_string || open == 0 ? 0 : 1; break;
            default: break;
        }
    }
    return deepest;
}

// simdjson's own limit counts an empty innermost array or object as no level, so a parser with limit n takes every
// document of n - 1 levels and only some of n. Those few are told apart by counting.
class Reader {
public:
    explicit Reader(std::size_t depth) : depth_{depth} {
        if (parser_.allocate(kKiB, depth) != simdjson::SUCCESS) {
            throw std::bad_alloc{};
        }
    }
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }
    [[nodiscard]] bool worth_keeping() const noexcept { return parser_.capacity() <= kKeptDocumentBytes; }

    simdjson::error_code read(std::string_view text, simdjson::dom::element& root) {
        return parser_.parse(text.data(), text.size()).get(root);
    }

private:
    std::size_t depth_;
    simdjson::dom::parser parser_;
};

std::string explain(simdjson::error_code error, std::string_view text) {
    switch (static_cast<int>(error)) {
        case simdjson::EMPTY: return "is empty; the smallest JSON is {}";
        case simdjson::UTF8_ERROR: return "is not valid UTF-8";
        case simdjson::NUMBER_ERROR: return explain_bad_number(text);
        case simdjson::STRING_ERROR:
            return "has a string with a bad escape or a lone surrogate, which UTF-8 cannot hold";
        case simdjson::UNESCAPED_CHARS: return "has a control character inside a string that is not escaped";
        case simdjson::UNCLOSED_STRING: return "has a string that is not closed";
        case simdjson::CAPACITY: return "is too large to be read";
        case simdjson::MEMALLOC: return "cannot be read: out of memory";
        default: return "is not valid JSON (NaN and Infinity are not part of it)";
    }
}

struct Parsed {
    std::unique_ptr<Reader> reader;  // owns what `root` points to
    simdjson::dom::element root;
};

thread_local std::unique_ptr<Reader> spare_reader;

Result<Parsed> parse_within(std::string_view text, std::string_view field, const PayloadLimits& limits) {
    if (text.size() > limits.size_bytes) {
        return refuse(field, at_most(limits.size_bytes, "bytes", text.size()));
    }
    Parsed parsed{std::move(spare_reader), {}};
    if (parsed.reader == nullptr || parsed.reader->depth() != limits.depth) {
        parsed.reader = std::make_unique<Reader>(limits.depth);
    }
    simdjson::error_code error = parsed.reader->read(text, parsed.root);
    if (error == simdjson::DEPTH_ERROR) {
        if (const std::size_t levels = nesting(text); levels > limits.depth) {
            return refuse(field, at_most(limits.depth, "levels deep", levels));
        }
        parsed.reader = std::make_unique<Reader>(limits.depth + 1);
        error = parsed.reader->read(text, parsed.root);
    }
    if (error != simdjson::SUCCESS) {
        return refuse(field, explain(error, text));
    }
    return parsed;
}

// Gives the parser back to the thread.
void recycle(Parsed parsed) {
    if (parsed.reader->worth_keeping()) {
        spare_reader = std::move(parsed.reader);
    }
}

// C0, DEL, C1 (U+0080..9F), and the marks U+200E/F, U+202A..E, U+2066..9. `text` is valid UTF-8.
bool has_forbidden_character(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = [&](std::size_t ahead) {
            return i + ahead < text.size() ? static_cast<unsigned char>(text[i + ahead]) : 0U;
        };
        if (byte(0) < 0x20 || byte(0) == 0x7F || (byte(0) == 0xC2 && byte(1) < 0xA0)) {
            return true;
        }
        if (byte(0) == 0xE2 && byte(1) == 0x80 && (byte(2) == 0x8E || byte(2) == 0x8F)) {
            return true;
        }
        if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xAA && byte(2) <= 0xAE) {
            return true;
        }
        if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) {
            return true;
        }
    }
    return false;
}

Status check_number(std::int64_t value, std::string_view field, std::int64_t most) {
    if (value < 0 || value > most) {
        return refuse(field, "must be from 0 to " + std::to_string(most) + ", is " + std::to_string(value));
    }
    return {};
}

Status check_names(const NewJob& job) {
    KHALA_TRY(check_name(job.id, "id"));
    KHALA_TRY(check_name(job.queue, "queue"));
    KHALA_TRY(check_name(job.task, "task"));
    KHALA_TRY(check_label(job.correlation_id, "correlation_id", kCorrelationIdBytes));
    KHALA_TRY(check_label(job.tenant, "tenant", kNameBytes));
    KHALA_TRY(check_label(job.unique_key, "unique_key", kKeyBytes));
    KHALA_TRY(check_label(job.concurrency_key, "concurrency_key", kKeyBytes));
    KHALA_TRY(check_label(job.rate_key, "rate_key", kKeyBytes));
    KHALA_TRY(check_label(job.parent_id, "parent_id", kIdBytes));
    return check_label(job.schedule_id, "schedule_id", kNameBytes);
}

Status check_times(const NewJob& job) {
    KHALA_TRY(check_number(job.run_at, "run_at", kTimeMaxAt));
    KHALA_TRY(check_number(job.expires_at, "expires_at", kTimeMaxAt));
    KHALA_TRY(check_number(job.nominal_at, "nominal_at", kTimeMaxAt));
    KHALA_TRY(check_number(job.soft_timeout_ms, "soft_timeout_ms", kDurationMaxMs));
    KHALA_TRY(check_number(job.hard_timeout_ms, "hard_timeout_ms", kDurationMaxMs));
    KHALA_TRY(check_number(job.result_ttl_ms, "result_ttl_ms", kDurationMaxMs));
    if (job.expires_at != 0 && job.expires_at < job.run_at) {
        return refuse("expires_at", "must not be earlier than run_at: the job could never start");
    }
    if (job.hard_timeout_ms != 0 && job.soft_timeout_ms > job.hard_timeout_ms) {
        return refuse("soft_timeout_ms",
                      "must not exceed hard_timeout_ms (" + std::to_string(job.hard_timeout_ms) + ")");
    }
    return {};
}

Status check_headers(const std::string& headers) {
    if (headers == "{}") {
        return {};
    }
    KHALA_TRY_ASSIGN(Parsed parsed, parse_within(headers, "headers", {kHeadersBytes, kPayloadDepth}));
    simdjson::dom::object object;
    if (parsed.root.get(object) != simdjson::SUCCESS) {
        return refuse("headers", "must be a JSON object of strings");
    }
    if (object.size() > kHeaderCount) {
        return refuse("headers", at_most(kHeaderCount, "entries", object.size()));
    }
    for (const auto [key, value] : object) {
        if (!value.is_string()) {
            return refuse("headers", "must be a JSON object of strings; " + std::string{utf8_prefix(key, kNameBytes)} +
                                         " is none");
        }
    }
    recycle(std::move(parsed));
    return {};
}

}  // namespace

Status check_json(std::string_view text, std::string_view field, const PayloadLimits& limits) {
    KHALA_TRY_ASSIGN(Parsed parsed, parse_within(text, field, limits));
    recycle(std::move(parsed));
    return {};
}

Status check_label(std::string_view text, std::string_view field, std::size_t limit_bytes) {
    if (text.size() > limit_bytes) {
        return refuse(field, at_most(limit_bytes, "bytes", text.size()));
    }
    if (!simdjson::validate_utf8(text.data(), text.size())) {
        return refuse(field, "is not valid UTF-8");
    }
    if (has_forbidden_character(text)) {
        return refuse(field, "must not have control characters or marks of text direction");
    }
    return {};
}

Status check_name(std::string_view text, std::string_view field) {
    if (text.empty()) {
        return refuse(field, "must not be empty");
    }
    return check_label(text, field, kNameBytes);
}

Status check_new_job(const NewJob& job, const PayloadLimits& limits) {
    KHALA_TRY(check_names(job));
    KHALA_TRY_ASSIGN(Parsed parsed, parse_within(job.payload, "payload", limits));
    if (!parsed.root.is_object() && !parsed.root.is_array()) {
        return refuse("payload", "must be a JSON object or array of arguments");
    }
    recycle(std::move(parsed));
    KHALA_TRY(check_headers(job.headers));
    KHALA_TRY(check_number(job.priority, "priority", kPriorityMax));
    KHALA_TRY(check_number(job.task_version, "task_version", std::numeric_limits<int>::max()));
    KHALA_TRY(check_times(job));
    if (job.retry.empty()) {
        return {};
    }
    if (auto policy = parse_retry(job.retry); !policy) {
        return std::move(policy).error();
    }
    return {};
}

}  // namespace khala::job
