#include "store/redis/probe.hpp"

#include <algorithm>

#include "base/id.hpp"
#include "base/rng.hpp"
#include "store/redis/acl.hpp"
#include "store/redis/classify.hpp"

namespace khala::store::redis {
namespace {

Millis now_ms() {
    return SystemClock::instance().lease_ms();
}

// epoch and layout, as they are kept.
Status check_layout(const Reply& head) {
    const auto fields = head.elements();
    if (fields.size() < 2 || fields[0].is_nil() || fields[1].text() == std::to_string(kLayout)) {
        return {};
    }
    const std::string found = fields[1].is_nil() ? "1" : printable(fields[1].text());
    return Error{ErrorCode::unsupported, "server",
                 "the jobs below this prefix are kept in layout " + found +
                     ", and this version of khala_jobs reads layout " + std::to_string(kLayout) +
                     ": use another prefix, or the version that wrote them"};
}

constexpr Millis kWaitShare = 2;  // WAIT may take this part of the patience with a silent server: one half

}  // namespace

Status Probe::meet(Link& link) {
    KHALA_TRY(look(link));
    KHALA_TRY(check_server(facts_));
    const auto safety = check_safety(facts_, options_);
    if (!has_met_) {
        KHALA_TRY(safety);
    }
    refusal_ = safety ? std::nullopt : std::optional{safety.error()};
    KHALA_TRY(compare_epoch(link));
    has_met_ = true;
    return {};
}

Status Probe::recheck(Link& link) {
    if (now_ms() < next_ms_) {
        return {};
    }
    const auto connections = link.connections();
    auto status = look(link);
    if (!status && !link.connected()) {
        return status;
    }
    if (link.connections() != connections) {
        return {};  // a new connection was opened on the way, and meet() has judged it
    }
    if (status) {
        status = check_server(facts_);
    }
    if (status) {
        status = check_safety(facts_, options_);
    }
    refusal_ = status ? std::nullopt : std::optional{status.error()};
    return compare_epoch(link);
}

Status Probe::look(Link& link) {
    next_ms_ = now_ms() + kEveryMs;
    Request request;
    append_questions(request);
    append_rights(request, options_);
    KHALA_TRY_ASSIGN(const auto replies, link.call(request));
    KHALA_TRY_ASSIGN(facts_, read_facts(replies[0], replies[1]));
    return check_rights(replies.subspan(2), options_);
}

// One of the clients writes it, all see the same.
Status Probe::compare_epoch(Link& link) {
    auto rng = Rng::from_entropy();
    const std::string head = "{" + options_.prefix + "}:head";
    Request request;
    request.command(4).add("HMGET").add(head).add("epoch").add("layout");
    {
        KHALA_TRY_ASSIGN(const auto replies, link.call(request));
        if (replies[0].is_error()) {
            return classify(replies[0], head);
        }
        KHALA_TRY(check_layout(replies[0]));
    }
    // The layout first: an epoch without one means that another version keeps its jobs here.
    request.clear();
    request.command(3).add("HGET").add(head).add("epoch");
    request.command(4).add("HSETNX").add(head).add("layout").add(kLayout);
    request.command(4).add("HSETNX").add(head).add("epoch").add(base::uuid7(SystemClock::instance().wall_ms(), rng));
    request.command(3).add("HGET").add(head).add("epoch");
    KHALA_TRY_ASSIGN(const auto replies, link.call(request));
    if (replies[0].is_error()) {
        return classify(replies[0]);
    }
    if (!epoch_.empty() && replies[0].text() != epoch_) {
        ++resets_;
    }
    epoch_ = replies[3].text();  // empty where the server refuses writes for now; it is written the next time
    return {};
}

std::vector<std::pair<std::string, std::string>> Probe::describe() const {
    std::vector<std::pair<std::string, std::string>> details{
        {"server", facts_.product + " " + facts_.version},
        {"append_only_file", facts_.has_append_only ? "on" : "off"},
        {"appendfsync", facts_.fsync.value_or("not known: this user may not read it (+config|get)")},
        {"maxmemory_policy", facts_.eviction.empty() ? "not known: the server hides it" : facts_.eviction},
        {"maxmemory_bytes", std::to_string(facts_.maxmemory_bytes)},
        {"used_memory_bytes", std::to_string(facts_.used_memory_bytes)},
        {"replicas", std::to_string(facts_.replicas)},
        {"store_resets", std::to_string(resets_)},
    };
    if (refusal_) {
        details.emplace_back("refusal", refusal_->message);
    }
    return details;
}

bool wants_replicas(const RedisOptions& options) noexcept {
    return options.durability && options.durability->level == Level::replicated;
}

void append_wait(Request& request, const RedisOptions& options) {
    request.command(3).add("WAIT").add(options.durability->replicas).add(options.silence_ms / kWaitShare);
}

Status check_wait(const Reply& reply, const RedisOptions& options) {
    const std::string wanted = std::to_string(options.durability->replicas);
    if (reply.is_error()) {
        return Error{ErrorCode::unknown_outcome, "durability", "WAIT: " + classify(reply).message};
    }
    if (reply.integer() < options.durability->replicas) {
        return Error{ErrorCode::unknown_outcome, "durability",
                     "written, but only " + std::to_string(reply.integer()) + " of " + wanted +
                         " replicas confirmed it in time; a failover may lose it"};
    }
    return {};
}

}  // namespace khala::store::redis
