#include "store/redis/read.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/limits.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/query.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

constexpr std::size_t kRefDigits = 13;
constexpr std::size_t kReadIds = 256;  // of one call, so that nobody waits long behind it

Result<ReadRow> read_row(const std::string& id, const Reply& answer, bool whole, bool with_history) {
    const auto fields = answer.elements();
    if (fields.size() < 4) {
        return odd_reply("read");
    }
    ReadRow read;
    read.record = fields[0].text();
    Record record;
    const StoredJob stored{id, fields[1].text(), fields[2].text()};
    read.sound = decode_readable(stored, read.record, record, read.row) && (!whole || is_sound(stored));
    if (with_history) {
        read.row.history = full_history(fields[3].elements(), record, id);
    }
    return read;
}

std::int64_t number_from(std::string_view text) noexcept {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::vector<std::string> texts_of(const Reply& reply) {
    std::vector<std::string> texts;
    for (const Reply& element : reply.elements()) {
        texts.emplace_back(element.text());
    }
    return texts;
}

QueueSettings settings_from(const Reply& fields) {
    // made_at, then the fields of QueueSettings.
    QueueSettings settings;
    settings.paused = part(fields, 1).text() == "1";
    settings.max_length = number_from(part(fields, 2).text());
    settings.ageing_ms = number_from(part(fields, 3).text());
    if (!part(fields, 4).is_nil()) {
        settings.defaults = part(fields, 4).text();
    }
    settings.log_moves = part(fields, 5).text() == "1";
    return settings;
}

}  // namespace

Ref ref_of_member(std::string_view member) noexcept {
    return member.size() > kRefDigits ? number_from(member.substr(0, kRefDigits)) : 0;
}

std::string_view id_of_member(std::string_view member) noexcept {
    return member.substr(std::min(kRefDigits, member.size()));
}

std::int64_t part_of(Ref ref) noexcept {
    constexpr std::int64_t kPart = 256;
    return ref / kPart;
}

Result<std::vector<std::string>> parts(Core& core, const std::string& edge, bool backwards) {
    const std::string key = core.key("jobs");
    KHALA_TRY_ASSIGN(const Reply reply,
                     backwards ? core.command({"ZRANGE", key, edge, "-inf", "BYSCORE", "REV", "LIMIT", "0", "64"})
                               : core.command({"ZRANGE", key, edge, "+inf", "BYSCORE", "LIMIT", "0", "64"}));
    return texts_of(reply);
}

Result<std::vector<std::string>> ids_of_part(Core& core, const std::string& part) {
    KHALA_TRY_ASSIGN(const Reply reply, core.command({"LRANGE", core.key("index:" + part), "0", "-1"}));
    return texts_of(reply);
}

Result<std::vector<std::optional<ReadRow>>> read_rows(Core& core, std::span<const std::string> ids, bool whole,
                                                      bool with_history) {
    std::vector<std::optional<ReadRow>> rows;
    rows.reserve(ids.size());
    while (rows.size() < ids.size()) {
        const auto some = ids.subspan(rows.size(), std::min(kReadIds, ids.size() - rows.size()));
        Packer packed;
        packed.array(3).array(some.size());
        for (const std::string& id : some) {
            packed.text(id);
        }
        packed.boolean(whole).boolean(with_history);
        KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::read, packed));
        if (reply.elements().size() != some.size()) {
            return odd_reply("read");
        }
        for (std::size_t i = 0; i < some.size(); ++i) {
            const Reply element = part(reply, i);
            if (!element.is_array()) {
                rows.emplace_back();
                continue;
            }
            KHALA_TRY_ASSIGN(ReadRow row, read_row(some[i], element, whole, with_history));
            rows.emplace_back(std::move(row));
        }
    }
    return rows;
}

std::vector<Lease> slim_leases(std::span<const Reply> rows) {
    std::vector<Lease> leases;
    for (const Reply& element : rows) {
        const auto fields = element.elements();
        if (fields.size() < 4) {
            continue;
        }
        auto row = decode_row({fields[0].text(), fields[2].text(), fields[3].text()}, fields[1].text());
        if (row) {
            row->job.headers.clear();
            leases.push_back({row->ref, std::move(row->job), std::move(row->standing)});
        }
    }
    return leases;
}

Result<std::vector<std::optional<JobRow>>> get(Core& core, std::span<const std::string> ids, bool with_history) {
    KHALA_TRY_ASSIGN(auto rows, read_rows(core, ids, true, with_history));
    std::vector<std::optional<JobRow>> reply;
    reply.reserve(rows.size());
    for (auto& row : rows) {
        reply.push_back(row ? std::optional{std::move(row->row)} : std::nullopt);
    }
    return reply;
}

Result<std::vector<QueueCounts>> counts(Core& core, const std::string& queue) {
    Packer packed;
    packed.array(1).text(queue);
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::count_queues, packed));
    std::vector<QueueCounts> all;
    for (const Reply& element : reply.elements()) {
        const auto fields = element.elements();
        if (fields.size() < 4 || fields[1].elements().size() < 6 || fields[2].elements().size() != job::kStateCount) {
            return odd_reply("count_queues");
        }
        QueueCounts& counts = all.emplace_back();
        counts.queue = fields[0].text();
        counts.settings = settings_from(fields[1]);
        for (std::size_t state = 0; state < job::kStateCount; ++state) {
            counts.by_state[state] = part(fields[2], state).integer();
        }
        counts.oldest_ready_at = fields[3].integer();
    }
    std::ranges::sort(all, {}, &QueueCounts::queue);
    return all;
}

Result<std::vector<TaskCounters>> task_counters(Core& core) {
    KHALA_TRY_ASSIGN(const Reply reply, core.command({"HGETALL", core.key("counters")}));
    std::vector<TaskCounters> all;
    const auto pairs = reply.elements();
    for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
        Taker take{pairs[i + 1].text()};
        TaskCounters counters;
        counters.task = pairs[i].text();
        counters.runs = take.number();
        counters.completed = take.number();
        counters.failures = take.number();
        counters.consecutive_failures = take.number();
        counters.duration_sum_ms = take.number();
        counters.last_run_at = take.number();
        counters.last_failure_at = take.number();
        if (!take.at_end()) {
            return Error{ErrorCode::corrupt, "counters", "of task " + counters.task + " cannot be read"};
        }
        all.push_back(std::move(counters));
    }
    std::ranges::sort(all, {}, &TaskCounters::task);
    return all;
}

Result<std::vector<Event>> events(Core& core, const std::string& queue, std::int64_t after, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kListPage)));
    Packer packed;
    packed.array(3).text(queue).integer(after).integer(limit);
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::events, packed));
    if (reply.elements().size() < 2) {
        return odd_reply("events");
    }
    std::int64_t sequence = part(reply, 0).integer();
    std::vector<Event> all;
    for (const Reply& element : part(reply, 1).elements()) {
        Taker take{element.text()};
        Event event;
        event.sequence = sequence++;
        event.queue = queue;
        event.at = take.number();
        const auto id = take.raw<std::uint16_t>();
        const auto name = take.raw<std::uint16_t>();
        const auto actor = take.raw<std::uint16_t>();
        const auto detail = take.raw<std::uint32_t>();
        event.job_id = take.text(id);
        event.name = take.text(name);
        event.actor = take.text(actor);
        event.detail = take.text(detail);
        if (!take.at_end()) {
            return Error{ErrorCode::corrupt, "events", "of queue " + queue + " cannot be read"};
        }
        all.push_back(std::move(event));
    }
    return all;
}

Result<Millis> next_due(Core& core, std::span<const std::string> queues) {
    Packer packed;
    packed.array(1).array(queues.size());
    for (const std::string& queue : queues) {
        packed.text(queue);
    }
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::next_due, packed));
    Millis earliest = 0;
    for (const Reply& element : reply.elements()) {
        const Millis due_at = number_from(element.text());
        earliest = earliest == 0 || (due_at != 0 && due_at < earliest) ? due_at : earliest;
    }
    return earliest;
}

}  // namespace khala::store::redis
