// The field `job`, the field `born`, and the sum over what was asked for; see record.hpp.
#include <simdjson.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/checksum.hpp"
#include "job/json_text.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

constexpr std::string_view kNoHeaders = "{}";

struct NumberField {
    std::string_view name;
    Millis NewJob::*member;
};
constexpr std::array<NumberField, 6> kNumbers{{{"run_at", &NewJob::run_at},
                                               {"expires_at", &NewJob::expires_at},
                                               {"soft_timeout_ms", &NewJob::soft_timeout_ms},
                                               {"hard_timeout_ms", &NewJob::hard_timeout_ms},
                                               {"result_ttl_ms", &NewJob::result_ttl_ms},
                                               {"nominal_at", &NewJob::nominal_at}}};
struct TextField {
    std::string_view name;
    std::string NewJob::*member;
};
constexpr std::array<TextField, 10> kTexts{{{"queue", &NewJob::queue},
                                            {"task", &NewJob::task},
                                            {"retry", &NewJob::retry},
                                            {"correlation_id", &NewJob::correlation_id},
                                            {"tenant", &NewJob::tenant},
                                            {"unique_key", &NewJob::unique_key},
                                            {"concurrency_key", &NewJob::concurrency_key},
                                            {"rate_key", &NewJob::rate_key},
                                            {"parent_id", &NewJob::parent_id},
                                            {"schedule_id", &NewJob::schedule_id}}};

Error damaged(std::string_view id, std::string_view field) {
    return Error{ErrorCode::corrupt, "job " + std::string{id}, "its " + std::string{field} + " cannot be read"};
}

void append_name(std::string& out, std::string_view name) {
    out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":");
}

void append_number(std::string& out, std::string_view name, std::int64_t value) {
    append_name(out, name);
    out.append(std::to_string(value));
}

bool take_number(simdjson::dom::object object, std::string_view name, std::int64_t& into) {
    const auto field = object[name];
    return field.error() == simdjson::NO_SUCH_FIELD || field.get(into) == simdjson::SUCCESS;
}

}  // namespace

std::string encode_job(const NewJob& job) {
    std::string out{"{"};
    for (const auto& [name, member] : kTexts) {
        if (!(job.*member).empty()) {
            append_name(out, name);
            job::append_json_string(out, job.*member);
        }
    }
    append_number(out, "priority", job.priority);
    for (const auto& [name, member] : kNumbers) {
        if (job.*member != 0) {
            append_number(out, name, job.*member);
        }
    }
    if (job.task_version != 0) {
        append_number(out, "task_version", job.task_version);
    }
    return out + "}";
}

Result<NewJob> decode_job(const StoredJob& stored) {
    thread_local simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(stored.job.data(), stored.job.size()).get(object) != simdjson::SUCCESS) {
        return damaged(stored.id, "field job");
    }
    NewJob job;
    for (const auto& [name, member] : kTexts) {
        std::string_view text;
        const auto field = object[name];
        if (field.error() == simdjson::NO_SUCH_FIELD) {
            continue;
        }
        if (field.get(text) != simdjson::SUCCESS) {
            return damaged(stored.id, name);
        }
        job.*member = text;
    }
    std::int64_t priority = job.priority;
    std::int64_t version = 0;
    bool whole = take_number(object, "priority", priority) && take_number(object, "task_version", version);
    for (const auto& [name, member] : kNumbers) {
        whole = whole && take_number(object, name, job.*member);
    }
    if (!whole || job.queue.empty() || job.task.empty()) {
        return damaged(stored.id, "field job");
    }
    job.priority = static_cast<int>(priority);
    job.task_version = static_cast<int>(version);
    job.id = stored.id;
    job.payload = stored.payload;
    job.headers = stored.headers.empty() ? kNoHeaders : stored.headers;
    return job;
}

Result<Born> decode_born(std::string_view text, std::string_view id) {
    Born born;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (std::int64_t* number : {&born.ref, &born.order_key, &born.at}) {
        const auto [rest, failure] = std::from_chars(at, end, *number);
        if (failure != std::errc{} || rest == end || *rest != ' ') {
            return damaged(id, "field born");
        }
        at = rest + 1;
    }
    born.sum = text.substr(static_cast<std::size_t>(at - text.data()));
    return born;
}

std::string checksum(std::string_view id, std::string_view job, std::string_view payload, std::string_view headers) {
    constexpr std::size_t kDigits = 16;
    const std::uint64_t sum =
        base::Checksum{}.text(id).text(job).text(payload).text(headers.empty() ? kNoHeaders : headers).digest();
    std::array<char, kDigits> digits{};
    const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), sum, 16);
    return {digits.data(), end};
}

}  // namespace khala::store::redis
