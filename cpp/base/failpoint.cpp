#include "base/failpoint.hpp"

#if defined(KHALA_FAILPOINTS)

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace khala::base {
namespace {

enum class Action : std::uint8_t { off, kill, stop, error, sleep };

struct Armed {
    Action action = Action::off;
    std::uint64_t only_hit = 0;  // 0: every hit
    std::uint64_t sleep_ms = 0;
};

struct Registry {
    std::mutex mutex;
    std::map<std::string, Armed, std::less<>> armed;         // guarded by mutex
    std::map<std::string, std::uint64_t, std::less<>> hits;  // guarded by mutex
    std::once_flag from_environment;
};

// unknown until the environment was read; then whether any hit has to look at the registry.
enum class Gate : std::uint8_t { unknown, open, armed };
std::atomic<Gate> gate{Gate::unknown};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

Registry& registry() {
    static auto* const instance = new Registry;  // NOLINT(cppcoreguidelines-owning-memory): threads may hit it at exit
    return *instance;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

Error bad_entry(std::string_view entry, std::string_view why) {
    return Error{ErrorCode::invalid_argument, "failpoints", "\"" + std::string{entry} + "\": " + std::string{why}};
}

// "kill@3", "sleep:50"
Result<Armed> parse_action(std::string_view entry, std::string_view text) {
    Armed armed;
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        const auto only_hit = parse_number(text.substr(at + 1));
        if (!only_hit || *only_hit == 0) {
            return bad_entry(entry, "after @ stands the number of a hit, from 1");
        }
        armed.only_hit = *only_hit;
        text = text.substr(0, at);
    }
    constexpr std::string_view kSleep = "sleep:";
    if (text == "off") {
        armed.action = Action::off;
    } else if (text == "kill") {
        armed.action = Action::kill;
    } else if (text == "stop") {
        armed.action = Action::stop;
    } else if (text == "error") {
        armed.action = Action::error;
    } else if (text.starts_with(kSleep)) {
        const auto sleep_ms = parse_number(text.substr(kSleep.size()));
        if (!sleep_ms) {
            return bad_entry(entry, "after sleep: stand milliseconds");
        }
        armed.action = Action::sleep;
        armed.sleep_ms = *sleep_ms;
    } else {
        return bad_entry(entry, "the action must be kill, stop, error, sleep:<ms> or off");
    }
    return armed;
}

Result<std::map<std::string, Armed, std::less<>>> parse_spec(std::string_view spec) {
    std::map<std::string, Armed, std::less<>> armed;
    while (!spec.empty()) {
        const auto end = spec.find(';');
        const auto entry = spec.substr(0, end);
        spec = end == std::string_view::npos ? std::string_view{} : spec.substr(end + 1);
        if (entry.empty()) {
            continue;
        }
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            return bad_entry(entry, "an entry is name=action");
        }
        KHALA_TRY_ASSIGN(armed[std::string{entry.substr(0, equals)}], parse_action(entry, entry.substr(equals + 1)));
    }
    return armed;
}

void arm(std::map<std::string, Armed, std::less<>> armed) {
    auto& all = registry();
    const std::lock_guard lock{all.mutex};
    all.armed = std::move(armed);
    all.hits.clear();
    gate.store(all.armed.empty() ? Gate::open : Gate::armed, std::memory_order_release);
}

void arm_from_environment() {
    std::call_once(registry().from_environment, [] {
        const char* spec = std::getenv("KHALA_FAILPOINTS");  // NOLINT(concurrency-mt-unsafe): nobody sets it from here
        auto armed = parse_spec(spec == nullptr ? "" : spec);
        if (!armed) {
            detail::misuse("khala: KHALA_FAILPOINTS", &armed.error());
        }
        if (gate.load(std::memory_order_acquire) == Gate::unknown) {  // else configure_failpoints was first
            arm(std::move(armed).value());
        }
    });
}

// Counts the hit and says what to do about it.
Armed record(std::string_view name) {
    auto& all = registry();
    const std::lock_guard lock{all.mutex};
    const std::uint64_t hit = ++all.hits.try_emplace(std::string{name}, 0).first->second;
    const auto found = all.armed.find(name);
    if (found == all.armed.end() || (found->second.only_hit != 0 && found->second.only_hit != hit)) {
        return Armed{};
    }
    return found->second;
}

}  // namespace

Status configure_failpoints(std::string_view spec) {
    KHALA_TRY_ASSIGN(auto armed, parse_spec(spec));
    arm(std::move(armed));
    return {};
}

std::map<std::string, std::uint64_t> failpoint_hits() {
    auto& all = registry();
    const std::lock_guard lock{all.mutex};
    return {all.hits.begin(), all.hits.end()};
}

bool detail::hit_failpoint(std::string_view name, FailpointUse use) {
    switch (gate.load(std::memory_order_relaxed)) {
        case Gate::open: return false;
        case Gate::unknown: arm_from_environment(); break;
        case Gate::armed: break;
    }
    if (gate.load(std::memory_order_acquire) != Gate::armed) {
        return false;
    }
    const Armed armed = record(name);
    switch (armed.action) {
        case Action::off: return false;
        case Action::kill: ::kill(::getpid(), SIGKILL); return false;
        case Action::stop: ::kill(::getpid(), SIGSTOP); return false;
        case Action::sleep: std::this_thread::sleep_for(std::chrono::milliseconds{armed.sleep_ms}); return false;
        case Action::error: break;
    }
    if (use == FailpointUse::pass) {
        const Error error{ErrorCode::invalid_argument, std::string{name}, "this failpoint cannot fail"};
        misuse("khala: failpoint", &error);
    }
    return true;
}

}  // namespace khala::base

#else  // built without failpoints

namespace khala::base {

Status configure_failpoints(std::string_view spec) {
    if (spec.empty()) {
        return {};
    }
    return Error{ErrorCode::unsupported, "failpoints", "this build has none: configure with KHALA_FAILPOINTS=ON"};
}

std::map<std::string, std::uint64_t> failpoint_hits() {
    return {};
}

}  // namespace khala::base

#endif
