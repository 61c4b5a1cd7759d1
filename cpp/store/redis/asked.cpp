// What was asked for: terms, extras, headers and payload, and the sum over them; see record.hpp.
#include <simdjson.h>

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/checksum.hpp"
#include "job/json_text.hpp"
#include "store/redis/codec.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

constexpr std::string_view kNoHeaders = "{}";
constexpr std::size_t kHashBytes = 8;

struct NumberField {
    std::string_view name;
    Millis NewJob::*member;
};
struct TextField {
    std::string_view name;
    std::string NewJob::*member;
};
constexpr std::array<TextField, 4> kTermTexts{
    {{"queue", &NewJob::queue}, {"task", &NewJob::task}, {"retry", &NewJob::retry}, {"tenant", &NewJob::tenant}}};
constexpr std::array<NumberField, 3> kTermNumbers{{{"soft_timeout_ms", &NewJob::soft_timeout_ms},
                                                   {"hard_timeout_ms", &NewJob::hard_timeout_ms},
                                                   {"result_ttl_ms", &NewJob::result_ttl_ms}}};
constexpr std::array<TextField, 6> kExtraTexts{{{"correlation_id", &NewJob::correlation_id},
                                                {"unique_key", &NewJob::unique_key},
                                                {"concurrency_key", &NewJob::concurrency_key},
                                                {"rate_key", &NewJob::rate_key},
                                                {"parent_id", &NewJob::parent_id},
                                                {"schedule_id", &NewJob::schedule_id}}};
constexpr std::array<NumberField, 3> kExtraNumbers{
    {{"run_at", &NewJob::run_at}, {"expires_at", &NewJob::expires_at}, {"nominal_at", &NewJob::nominal_at}}};

Error damaged(std::string_view id, std::string_view field) {
    return Error{ErrorCode::corrupt, "job " + std::string{id}, "its " + std::string{field} + " cannot be read"};
}

void append_name(std::string& out, std::string_view name) {
    out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
}

void append_number(std::string& out, std::string_view name, std::int64_t value) {
    append_name(out, name);
    out.append(std::to_string(value));
}

template <typename Texts, typename Numbers>
void append_fields(std::string& out, const NewJob& job, const Texts& texts, const Numbers& numbers) {
    for (const auto& [name, member] : texts) {
        if (!(job.*member).empty()) {
            append_name(out, name);
            job::append_json_string(out, job.*member);
        }
    }
    for (const auto& [name, member] : numbers) {
        if (job.*member != 0) {
            append_number(out, name, job.*member);
        }
    }
}

// Nothing where nothing differs from its default.
std::string encode_extras(const NewJob& job) {
    std::string out;
    append_fields(out, job, kExtraTexts, kExtraNumbers);
    return out.empty() ? out : out + "}";
}

simdjson::error_code parse(std::string_view text, simdjson::dom::object& object) {
    if (text.empty()) {  // terms that are lost: simdjson copies from where the view points, which is nowhere
        return simdjson::EMPTY;
    }
    thread_local simdjson::dom::parser parser;
    return parser.parse(text.data(), text.size()).get(object);
}

bool take_number(simdjson::dom::object object, std::string_view name, std::int64_t& into) {
    const auto field = object[name];
    return field.error() == simdjson::NO_SUCH_FIELD || field.get(into) == simdjson::SUCCESS;
}

template <typename Texts, typename Numbers>
bool take_fields(simdjson::dom::object object, NewJob& job, const Texts& texts, const Numbers& numbers) {
    for (const auto& [name, member] : texts) {
        std::string_view text;
        const auto field = object[name];
        if (field.error() == simdjson::NO_SUCH_FIELD) {
            continue;
        }
        if (field.get(text) != simdjson::SUCCESS) {
            return false;
        }
        job.*member = text;
    }
    bool whole = true;
    for (const auto& [name, member] : numbers) {
        whole = whole && take_number(object, name, job.*member);
    }
    return whole;
}

std::optional<NewJob> parse_terms(std::string_view text) {
    simdjson::dom::object object;
    if (parse(text, object) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    NewJob job;
    std::int64_t priority = job.priority;
    std::int64_t version = 0;
    if (!take_fields(object, job, kTermTexts, kTermNumbers) || !take_number(object, "priority", priority) ||
        !take_number(object, "task_version", version) || job.queue.empty() || job.task.empty()) {
        return std::nullopt;
    }
    job.priority = static_cast<int>(priority);
    job.task_version = static_cast<int>(version);
    return job;
}

// A job with nothing but its terms. Those that were read before are remembered: thousands of jobs share a text.
const NewJob* job_of_terms(std::string_view text) {
    constexpr std::size_t kRemembered = 64;
    thread_local std::unordered_map<std::string, NewJob> known;
    thread_local std::string latest;
    thread_local const NewJob* job = nullptr;
    if (job != nullptr && latest == text) {
        return job;
    }
    job = nullptr;
    latest = text;
    const auto found = known.find(latest);
    if (found != known.end()) {
        job = &found->second;
        return job;
    }
    auto parsed = parse_terms(text);
    if (!parsed) {
        return nullptr;
    }
    if (known.size() >= kRemembered) {
        known.clear();
    }
    job = &known.emplace(latest, *std::move(parsed)).first->second;
    return job;
}

// Views into `asked`.
struct Parts {
    Born born;
    std::string_view sum;
    std::string_view hash;
    std::string_view own_terms;
    std::string_view extras;
    std::string_view headers;  // never empty
    std::string_view payload;
};

std::optional<Parts> split(std::string_view asked) noexcept {
    Parts parts;
    Taker take{asked};
    parts.born.ref = take.number();
    parts.born.order_key = take.number();
    parts.born.at = take.number();
    parts.sum = take.text(kHashBytes);
    parts.hash = take.text(kHashBytes);
    const auto own = take.raw<std::uint16_t>();
    const auto extras = take.raw<std::uint16_t>();
    const auto headers = take.raw<std::uint16_t>();
    parts.own_terms = take.text(own);
    parts.extras = take.text(extras);
    if (!take.ok()) {
        return std::nullopt;
    }
    std::string_view rest = take.rest();
    parts.headers = headers == 0 ? kNoHeaders : rest.substr(0, headers);
    if (rest.size() < headers) {  // cut off
        parts.headers = kNoHeaders;
        rest = {};
    } else {
        rest.remove_prefix(headers);
    }
    parts.payload = rest;
    return parts;
}

std::string sum_of(std::string_view id, std::string_view hash, std::string_view extras, std::string_view headers,
                   std::string_view payload) {
    std::string bytes;
    append_raw(bytes, base::Checksum{}.text(id).text(hash).text(extras).text(payload).text(headers).digest());
    return bytes;
}

}  // namespace

bool same_terms(const NewJob& one, const NewJob& other) noexcept {
    bool same = one.priority == other.priority && one.task_version == other.task_version;
    for (const auto& [name, member] : kTermNumbers) {
        same = same && one.*member == other.*member;
    }
    for (const auto& [name, member] : kTermTexts) {
        same = same && one.*member == other.*member;
    }
    return same;
}

std::string encode_terms(const NewJob& job) {
    std::string out;
    append_fields(out, job, kTermTexts, kTermNumbers);
    append_number(out, "priority", job.priority);
    if (job.task_version != 0) {
        append_number(out, "task_version", job.task_version);
    }
    return out + "}";
}

std::string hash_of_terms(std::string_view terms) {
    std::string bytes;
    append_raw(bytes, base::hash_bytes(terms));
    return bytes;
}

Result<std::string> encode_asked(const NewJob& job, std::string_view hash) {
    constexpr std::size_t kRoomBytes = std::numeric_limits<std::uint16_t>::max();
    const std::string extras = encode_extras(job);
    const std::string_view headers = job.headers.empty() ? kNoHeaders : std::string_view{job.headers};
    if (extras.size() > kRoomBytes || headers.size() > kRoomBytes) {
        return Error{ErrorCode::invalid_argument, extras.size() > kRoomBytes ? "keys" : "headers",
                     "must not have more than " + std::to_string(kRoomBytes) + " bytes as JSON"};
    }
    const bool has_headers = headers != kNoHeaders;
    std::string out = sum_of(job.id, hash, extras, headers, job.payload);
    out += hash;
    append_raw(out, std::uint16_t{0});
    append_raw(out, static_cast<std::uint16_t>(extras.size()));
    append_raw(out, static_cast<std::uint16_t>(has_headers ? headers.size() : 0));
    out.append(extras).append(has_headers ? headers : std::string_view{}).append(job.payload);
    return out;
}

std::string_view hash_in(std::string_view asked) noexcept {
    const auto parts = split(asked);
    return parts ? parts->hash : std::string_view{};
}

std::string_view own_terms(std::string_view asked) noexcept {
    const auto parts = split(asked);
    return parts ? parts->own_terms : std::string_view{};
}

Result<NewJob> decode_job(const StoredJob& stored) {
    const auto parts = split(stored.asked);
    const NewJob* const terms = parts ? job_of_terms(stored.terms) : nullptr;
    if (terms == nullptr) {
        return damaged(stored.id, parts ? "terms" : "request");
    }
    NewJob job = *terms;
    if (!parts->extras.empty()) {
        simdjson::dom::object object;
        if (parse(parts->extras, object) != simdjson::SUCCESS ||
            !take_fields(object, job, kExtraTexts, kExtraNumbers)) {
            return damaged(stored.id, "extras");
        }
    }
    job.id = stored.id;
    job.payload = parts->payload;
    job.headers = parts->headers;
    return job;
}

Result<Born> decode_born(const StoredJob& stored) {
    const auto parts = split(stored.asked);
    if (!parts) {
        return damaged(stored.id, "request");
    }
    return parts->born;
}

bool is_sound(const StoredJob& stored) {
    const auto parts = split(stored.asked);
    return parts && parts->hash == hash_of_terms(stored.terms) &&
           parts->sum == sum_of(stored.id, parts->hash, parts->extras, parts->headers, parts->payload);
}

}  // namespace khala::store::redis
