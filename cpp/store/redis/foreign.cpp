#include "store/redis/foreign.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "store/redis/sets.hpp"

namespace khala::store::redis {
namespace {

// A type and the command that only keys of it, or none, take. TYPE would say it, too, and is a right more.
struct Type {
    std::string_view name;
    std::string_view command;
};
constexpr Type kHash{"hash", "HLEN"};
constexpr Type kList{"list", "LLEN"};
constexpr Type kSet{"set", "SRANDMEMBER"};
constexpr Type kSortedSet{"sorted set", "ZCARD"};

// As in lua/context.lua.
enum class Of : std::uint8_t { store, queue, task, lane, other };
struct Kind {
    std::string_view name;  // all of it, or up to the colon
    Of of;
    const Type& type;
};
constexpr auto kKinds = std::to_array<Kind>({
    {"head", Of::store, kHash},           {"asked", Of::store, kHash},        {"terms", Of::store, kHash},
    {"standing", Of::store, kHash},       {"stale", Of::store, kHash},        {"removed", Of::store, kHash},
    {"waits", Of::store, kHash},          {"counters", Of::store, kHash},     {"workers", Of::store, kHash},
    {"jobs", Of::store, kSortedSet},      {"keep", Of::store, kSortedSet},    {"outbox", Of::store, kSortedSet},
    {"gone", Of::store, kSortedSet},      {"queues", Of::store, kSet},        {"queue", Of::queue, kHash},
    {"events", Of::queue, kList},         {"tasks", Of::queue, kSet},         {"idle", Of::queue, kSet},
    {"scheduled", Of::queue, kSortedSet}, {"running", Of::queue, kSortedSet}, {"blocked", Of::queue, kSortedSet},
    {"completed", Of::queue, kSortedSet}, {"kept", Of::queue, kSortedSet},    {"failed", Of::queue, kSortedSet},
    {"cancelled", Of::queue, kSortedSet}, {"expired", Of::queue, kSortedSet}, {"quarantined", Of::queue, kSortedSet},
    {"expiring", Of::queue, kSortedSet},  {"ready", Of::task, kSortedSet},    {"suspect", Of::task, kSortedSet},
    {"parked", Of::task, kSortedSet},     {"fresh", Of::lane, kList},         {"history", Of::other, kList},
    {"index", Of::other, kList},
});

const Type* type_of(std::string_view name) {
    const auto colon = name.find(':');
    const auto* const kind = std::ranges::find_if(kKinds, [&](const Kind& each) {
        return each.name == name.substr(0, colon) && (each.of == Of::store) == (colon == std::string_view::npos);
    });
    return kind == kKinds.end() ? nullptr : &kind->type;
}

void add_names(std::vector<std::string>& names, Of of, const std::string& rest) {
    for (const Kind& kind : kKinds) {
        if (kind.of == of) {
            names.push_back(std::string{kind.name}.append(of == Of::store ? "" : ":").append(rest));
        }
    }
}

// None where a foreign value stands instead of the set: that is told on its own.
Result<std::vector<std::string>> if_readable(Result<std::vector<std::string>> names) {
    return !names && names.error().code == ErrorCode::corrupt ? std::vector<std::string>{} : std::move(names);
}

// Those that follow from the names of queues and tasks.
Result<std::vector<std::string>> known_names(Core& core) {
    std::vector<std::string> names;
    add_names(names, Of::store, "");
    KHALA_TRY_ASSIGN(const auto queues, if_readable(queue_names(core)));
    for (const std::string& queue : queues) {
        add_names(names, Of::queue, queue);
        KHALA_TRY_ASSIGN(const auto tasks, if_readable(task_names(core, queue)));
        for (const std::string& task : tasks) {
            const auto tab = task.find('\t');
            add_names(names, Of::task, std::string{queue}.append("\t").append(task.substr(0, tab)));
            if (tab != std::string::npos) {
                add_names(names, Of::lane, std::string{queue}.append("\t").append(task));
            }
        }
    }
    return names;
}

void append_faults(std::vector<std::string>& faults, std::vector<std::string> more) {
    std::ranges::move(more, std::back_inserter(faults));
}

// Whatever is named as ours, step by step; nothing where the user may not look.
Status scan(Core& core, std::vector<std::string>& faults) {
    const std::string begin = core.key("");
    std::string cursor = "0";
    do {
        std::vector<std::string> names;
        {
            const auto reply = core.command({"SCAN", cursor, "MATCH", begin + "*", "COUNT", "1000"});
            if (!reply && (reply.error().code == ErrorCode::denied || reply.error().code == ErrorCode::unsupported)) {
                return {};
            }
            KHALA_TRY(reply);
            cursor = part(*reply, 0).text();
            for (const Reply& key : part(*reply, 1).elements()) {
                names.emplace_back(key.text().substr(std::min(begin.size(), key.text().size())));
            }
        }
        KHALA_TRY_ASSIGN(auto found, foreign_among(core, names));
        append_faults(faults, std::move(found));
    } while (!cursor.empty() && cursor != "0");
    return {};
}

}  // namespace

Result<std::vector<std::string>> foreign_among(Core& core, std::span<const std::string> names) {
    constexpr std::size_t kKeysOfACall = 1'000;
    std::vector<std::string> faults;
    for (std::size_t from = 0; from < names.size(); from += kKeysOfACall) {
        std::vector<std::pair<std::string, const Type*>> asked;
        Request request;
        for (const std::string& name : names.subspan(from, std::min(kKeysOfACall, names.size() - from))) {
            if (const Type* type = type_of(name); type != nullptr) {
                asked.emplace_back(core.key(name), type);
                request.command(2).add(type->command).add(asked.back().first);
            }
        }
        if (asked.empty()) {
            continue;
        }
        KHALA_TRY_ASSIGN(const auto replies, core.ask(request));
        for (std::size_t i = 0; i < asked.size(); ++i) {
            if (replies[i].is_error() && replies[i].text().starts_with("WRONGTYPE")) {
                faults.push_back("the key " + asked[i].first + " should hold a " + std::string{asked[i].second->name} +
                                 ", and a foreign value stands there: calls that meet it are refused until it is "
                                 "renamed or deleted");
            }
        }
    }
    return faults;
}

Result<std::vector<std::string>> foreign_keys(Core& core) {
    KHALA_TRY_ASSIGN(const auto names, known_names(core));
    KHALA_TRY_ASSIGN(auto faults, foreign_among(core, names));
    KHALA_TRY(scan(core, faults));
    std::ranges::sort(faults);
    faults.erase(std::unique(faults.begin(), faults.end()), faults.end());
    return faults;
}

}  // namespace khala::store::redis
