#include "store/redis/manage.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/limits.hpp"
#include "job/lifecycle.hpp"
#include "job/order_key.hpp"
#include "store/apply.hpp"
#include "store/events.hpp"
#include "store/query.hpp"
#include "store/redis/read.hpp"
#include "store/redis/record.hpp"

namespace khala::store::redis {
namespace {

constexpr std::size_t kManageIds = 256;  // of one call
constexpr int kAttempts = 100;           // at a job that somebody else changes all the time

// What is to become of a job: see lua/manage.lua.
struct Change {
    Managed answer = Managed::missing;
    enum class Kind : std::uint8_t { none, replace, remove } kind = Kind::none;
    std::string record;  // of `replace`
};

Result<Change> decide(Verb verb, const ReadRow& read, const std::string& reason, const std::string& actor, Millis now) {
    const job::Standing& standing = read.row.standing;
    const bool running = standing.state == State::running;
    if (verb == Verb::remove) {
        return running ? Change{Managed::refused, Change::Kind::none, {}}
                       : Change{Managed::done, Change::Kind::remove, {}};
    }
    KHALA_TRY_ASSIGN(Record record, decode_record(read.record, read.row.job.id));
    if (verb == Verb::cancel && running) {
        if (standing.cancel_requested) {
            return Change{Managed::requested, Change::Kind::none, {}};
        }
        record.standing.cancel_requested = true;
        record.standing.reason = job::reason_text("cancelled", actor, reason);
        return Change{Managed::requested, Change::Kind::replace, encode_record(record)};
    }
    const Lease lease{read.row.ref, read.row.job, standing};
    const std::optional<Move> move = verb == Verb::cancel ? job::cancel_move(lease, reason, actor, now)
                                                          : job::requeue_move(lease, reason, actor, now);
    if (!move) {
        return Change{Managed::refused, Change::Kind::none, {}};
    }
    apply(*move, record.standing);
    record.due_as_born = record.due_as_born && job::is_closed(move->to);
    return Change{Managed::done, Change::Kind::replace, encode_record(record)};
}

bool is_event(Managed answer) noexcept {
    return answer == Managed::done || answer == Managed::requested;
}

// Does some of the ids, from the front; how many.
Result<std::size_t> manage_some(Core& core, Verb verb, std::span<const std::string> ids, const std::string& reason,
                                const std::string& actor, std::vector<Managed>& reply) {
    KHALA_TRY_ASSIGN(const auto rows, read_rows(core, ids, false, false));
    const Millis now = core.clock().wall_ms();
    std::vector<Managed> answers;
    Packer packed;
    packed.array(5).text(name(verb)).text(actor).text(reason).integer(now + kClosedIdMs).array(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        Change change;
        if (rows[i]) {
            KHALA_TRY_ASSIGN(change, decide(verb, *rows[i], reason, actor, now));
        }
        packed.array(4).text(ids[i]);
        if (rows[i]) {
            packed.text(rows[i]->record);
        } else {
            packed.boolean(false);
        }
        if (change.kind == Change::Kind::replace) {
            packed.text(change.record);
        } else {
            packed.boolean(change.kind == Change::Kind::none);
        }
        packed.boolean(is_event(change.answer));
        answers.push_back(change.answer);
    }
    KHALA_TRY_ASSIGN(const Reply answer, core.run(Function::manage, packed));
    if (answer.elements().empty()) {
        return odd_reply("manage");
    }
    const auto done = static_cast<std::size_t>(part(answer, 0).integer());
    if (done > answers.size()) {
        return odd_reply("manage");
    }
    reply.insert(reply.end(), answers.begin(), answers.begin() + static_cast<std::ptrdiff_t>(done));
    return done;
}

}  // namespace

Result<std::vector<Managed>> manage(Core& core, Verb verb, std::span<const std::string> ids, const std::string& reason,
                                    const std::string& actor) {
    std::vector<Managed> reply;
    reply.reserve(ids.size());
    int in_vain = 0;
    while (reply.size() < ids.size()) {
        const auto some = ids.subspan(reply.size(), std::min(kManageIds, ids.size() - reply.size()));
        auto done = manage_some(core, verb, some, reason, actor, reply);
        if (!done) {
            if (reply.empty()) {
                return done.error();
            }
            return Error{ErrorCode::unknown_outcome, "redis", "some jobs were changed, then: " + done.error().message};
        }
        in_vain = *done > 0 ? 0 : in_vain + 1;
        if (in_vain == kAttempts) {
            return Error{ErrorCode::busy, "redis", "job " + ids[reply.size()] + " is being changed all the time"};
        }
    }
    return reply;
}

Status change_queue(Core& core, const QueueChange& change) {
    KHALA_TRY(check_change(change));
    std::vector<std::string> fields;
    const auto set = [&fields](std::string_view field, std::string value) {
        fields.emplace_back(field);
        fields.push_back(std::move(value));
    };
    if (change.paused) {
        set("paused", *change.paused ? "1" : "0");
    }
    if (change.max_length) {
        set("max_length", std::to_string(*change.max_length));
    }
    if (change.ageing_ms) {
        set("ageing_ms", std::to_string(*change.ageing_ms));
    }
    if (change.defaults) {
        set("defaults", *change.defaults);
    }
    if (change.log_moves) {
        set("log_moves", *change.log_moves ? "1" : "0");
    }
    Packer packed;
    packed.array(8).text(change.queue).array(fields.size());
    for (const std::string& field : fields) {
        packed.text(field);
    }
    const auto events = change_events(change, 0);
    packed.text(change.actor).array(events.size());
    for (const Event& event : events) {
        packed.array(2).text(event.name).text(event.detail);
    }
    packed.integer(change.ageing_ms.value_or(-1));
    packed.array(job::kPriorityMax + 1);
    for (int priority = 0; priority <= job::kPriorityMax; ++priority) {
        packed.integer(job::strict_order_key(priority, 0));
    }
    packed.array(job::kPriorityMax + 1);
    for (int priority = 0; priority <= job::kPriorityMax; ++priority) {
        packed.integer(job::ageing_order_key(priority, 0, 1));
    }
    packed.boolean(change.paused == false);
    KHALA_TRY(core.run(Function::change_queue, packed));
    return {};
}

Result<std::int64_t> prune(Core& core, const Prune& rule) {
    KHALA_TRY(check_prune(rule));
    const bool by_age = rule.closed_before != 0 || rule.keep_count >= 0;
    const std::vector<State> states = prunable_states(rule);
    Packer packed;
    packed.array(7).integer(rule.limit).integer(kClosedIdMs).boolean(by_age).text(rule.queue).array(states.size());
    for (const State state : states) {
        packed.integer(static_cast<std::int64_t>(state));
    }
    packed.integer(rule.closed_before).integer(rule.keep_count);
    KHALA_TRY_ASSIGN(const Reply answer, core.run(Function::prune, packed));
    if (answer.elements().empty()) {
        return odd_reply("prune");
    }
    return part(answer, 0).integer();
}

// --- Outbox ---------------------------------------------------------------------------------------------------

Result<std::vector<Store::OutboxRow>> outbox(Core& core, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    KHALA_TRY_ASSIGN(const Reply reply, core.command({"ZRANGE", core.key("outbox"), "0", std::to_string(limit - 1)}));
    std::vector<Store::OutboxRow> rows;
    for (const Reply& element : reply.elements()) {
        // The number in 13 digits, then what pack_move() made.
        Store::OutboxRow& row = rows.emplace_back();
        row.number = ref_of_member(element.text());
        Taker take{id_of_member(element.text())};
        row.token = take.number();
        for (std::string* text : {&row.id, &row.entry.target, &row.entry.body}) {
            *text = take.text(take.raw<std::uint32_t>());
        }
        if (!take.at_end()) {
            return Error{ErrorCode::corrupt, "outbox", "row " + std::to_string(row.number) + " cannot be read"};
        }
    }
    return rows;
}

Status outbox_drop(Core& core, std::span<const std::int64_t> numbers) {
    for (const std::int64_t number : numbers) {
        const std::string text = std::to_string(number);
        KHALA_TRY(core.command({"ZREMRANGEBYSCORE", core.key("outbox"), text, text}));
    }
    return {};
}

}  // namespace khala::store::redis
