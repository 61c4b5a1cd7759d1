#include "store/query.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/limits.hpp"
#include "job/error_text.hpp"
#include "job/lifecycle.hpp"
#include "job/order_key.hpp"
#include "job/payload.hpp"

namespace khala::store {
namespace {

constexpr std::array<char, 3> kOrderLetters{'o', 'n', 'r'};  // in the order of enum Order

Error refuse(std::string_view field, std::string message) {
    return Error{ErrorCode::invalid_argument, std::string{field}, std::move(message)};
}

Status check_move(const Move& move) {
    if (move.id.empty()) {
        return refuse("move.id", "must not be empty");
    }
    const bool ends_attempt = move.ending != job::Ending::none;
    if (!job::is_legal(move.from, move.to) || ends_attempt != (move.from == State::running)) {
        std::string message = "of job " + move.id + " is not in the table: ";
        message.append(job::name(move.from)).append(" -> ").append(job::name(move.to));
        message.append(" (").append(job::name(move.ending)).append(")");
        return refuse("move", std::move(message));
    }
    return {};
}

Status check_claim(const Claim& claim) {
    KHALA_TRY(job::check_name(claim.worker, "claim.worker"));
    if (claim.lease_ms <= 0) {
        return refuse("claim.lease_ms", "must be more than 0");
    }
    if (claim.limit < 0) {
        return refuse("claim.limit", "must not be negative");
    }
    std::vector<std::string_view> names;
    for (const QueueDemand& demand : claim.queues) {
        if (demand.limit < 0) {
            return refuse("claim.queues", "the limit of " + demand.queue + " must not be negative");
        }
        names.push_back(demand.queue);
    }
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
        return refuse("claim.queues", "names " + std::string{*twice} + " twice");
    }
    return {};
}

// What ties a job to those it caused: its own id where it was given none.
const std::string& correlation_id(const NewJob& job) noexcept {
    return job.correlation_id.empty() ? job.id : job.correlation_id;
}

bool is_any_or(const std::string& wanted, const std::string& value) noexcept {
    return wanted.empty() || wanted == value;
}

// Reads "<number><stop>" from the front; false when it is not there.
bool take_number(std::string_view& text, char stop, std::int64_t& number) noexcept {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || (stop != '\0' && (rest == end || *rest != stop)) || (stop == '\0' && rest != end)) {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()) + (stop == '\0' ? 0U : 1U));
    return true;
}

}  // namespace

Status check_exchange(const Exchange& request) {
    for (const Move& move : request.moves) {
        KHALA_TRY(check_move(move));
    }
    return request.claim == nullptr ? Status{} : check_claim(*request.claim);
}

Status check_worker(const WorkerInfo& worker) {
    KHALA_TRY(job::check_name(worker.id, "worker.id"));
    if (worker.slots < 0 || worker.slots > kSlotsMax) {
        return refuse("worker.slots", "must be from 0 to " + std::to_string(kSlotsMax));
    }
    return {};
}

Status check_change(const QueueChange& change) {
    KHALA_TRY(job::check_name(change.queue, "queue"));
    if (change.max_length && *change.max_length < 0) {
        return refuse("max_length", "must not be negative; 0 is unbounded");
    }
    if (change.ageing_ms && (*change.ageing_ms < 0 || *change.ageing_ms > job::kAgeingMaxMs)) {
        return refuse("ageing_ms", "must be from 0 to " + std::to_string(job::kAgeingMaxMs));
    }
    if (change.defaults) {
        KHALA_TRY(job::check_json(*change.defaults, "defaults", {kHeadersBytes, kPayloadDepth}));
        if (change.defaults->at(change.defaults->find_first_not_of(" \t\r\n")) != '{') {
            return refuse("defaults", "must be a JSON object");
        }
    }
    return {};
}

Status check_prune(const Prune& rule) {
    for (const State state : rule.states) {
        if (!job::is_closed(state)) {
            return refuse("states", std::string{job::name(state)} + " jobs are not closed and cannot be pruned");
        }
    }
    if (rule.closed_before < 0) {
        return refuse("closed_before", "must not be negative");
    }
    return check_limit(rule.limit, static_cast<int>(kBatchJobs));
}

Status check_list(const ListQuery& query) {
    return check_limit(query.limit, static_cast<int>(kListPage));
}

Status check_limit(int limit, int most) {
    if (limit < 1 || limit > most) {
        return refuse("limit", "must be from 1 to " + std::to_string(most) + ", is " + std::to_string(limit));
    }
    return {};
}

bool matches(const ListQuery& query, const NewJob& job, const job::Standing& standing) {
    const bool state_wanted = query.states.empty() ||
                              std::find(query.states.begin(), query.states.end(), standing.state) != query.states.end();
    return state_wanted && is_any_or(query.queue, job.queue) && is_any_or(query.task, job.task) &&
           is_any_or(query.correlation_id, correlation_id(job)) && is_any_or(query.tenant, job.tenant) &&
           is_any_or(query.parent_id, job.parent_id) && standing.enqueued_at >= query.enqueued_from &&
           (query.enqueued_to == 0 || standing.enqueued_at < query.enqueued_to) &&
           (query.error_type.empty() || query.error_type == job::error_type(standing.error));
}

std::vector<State> prunable_states(const Prune& rule) {
    using enum State;
    std::vector<State> states = rule.states;
    const bool by_keep_until = rule.closed_before == 0 && rule.keep_count < 0;
    if (states.empty()) {
        states = by_keep_until ? std::vector{completed, failed, cancelled, expired, quarantined}
                               : std::vector{completed, cancelled, expired};
    }
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    return states;
}

std::string to_text(const Cursor& cursor) {
    std::string text{kOrderLetters.at(static_cast<std::size_t>(cursor.order))};
    return text + ':' + std::to_string(cursor.order_key) + ':' + std::to_string(cursor.ref);
}

Result<Cursor> parse_cursor(std::string_view text, Order order) {
    Cursor cursor;
    cursor.order = order;
    const std::array<char, 2> start{kOrderLetters.at(static_cast<std::size_t>(order)), ':'};
    const bool right_order = text.starts_with(std::string_view{start.data(), start.size()});
    text.remove_prefix(right_order ? start.size() : 0);
    if (!right_order || !take_number(text, ':', cursor.order_key) || !take_number(text, '\0', cursor.ref)) {
        return refuse("cursor", "is not one that a page of this order ended with");
    }
    return cursor;
}

}  // namespace khala::store
