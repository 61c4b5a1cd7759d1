// The handlers that come with the engine. They are small on purpose: something to measure the engine with, and a model
// for handlers of one's own.
#include <simdjson.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/checksum.hpp"
#include "engine/native.hpp"

namespace khala::engine {

namespace {

// khala.echo: the arguments as they came.
Result<std::string> echo(const NativeCall& call) {
    return std::string{call.payload};
}

// khala.checksum: XXH3-64 of the payload's bytes, and how many there were.
Result<std::string> checksum(const NativeCall& call) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(base::hash_bytes(call.payload)));
    return "{\"xxh3\":\"" + std::string{text} + "\",\"size_bytes\":" + std::to_string(call.payload.size()) + "}";
}

// Milliseconds from `[ms]`, `{"ms": ms}`, or either of them inside {"args": [...], "kwargs": {...}}.
Result<std::int64_t> read_ms(std::string_view payload) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::int64_t ms = 0;
    const bool parsed = parser.parse(simdjson::padded_string{payload}).get(root) == simdjson::SUCCESS;
    for (const char* path : {"/0", "/ms", "/args/0", "/kwargs/ms"}) {
        if (parsed && root.at_pointer(path).get(ms) == simdjson::SUCCESS && ms >= 0 && ms <= base::kHourMs) {
            return ms;
        }
    }
    return Error{ErrorCode::invalid_argument, "ms", "khala.sleep takes milliseconds, 0 to one hour"};
}

// khala.sleep: waits without using a processor.
Result<std::string> sleep(const NativeCall& call) {
    KHALA_TRY_ASSIGN(const std::int64_t ms, read_ms(call.payload));
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{ms};
    while (std::chrono::steady_clock::now() < end) {
        if (call.stop_asked()) {
            return Error{ErrorCode::interrupted, "", "asked to stop"};
        }
        std::this_thread::sleep_until(std::min(end, std::chrono::steady_clock::now() + std::chrono::milliseconds{10}));
    }
    return "{\"slept_ms\":" + std::to_string(ms) + "}";
}

struct Registry {
    std::mutex mutex;
    std::map<std::string, NativeHandler> handlers{
        {"khala.checksum", checksum}, {"khala.echo", echo}, {"khala.sleep", sleep}};
};

// Never destroyed: pool threads may look into it while the process exits.
Registry& registry() {
    static Registry& instance = *new Registry;
    return instance;
}

}  // namespace

bool register_native(const std::string& task, NativeHandler handler) {
    const std::lock_guard lock{registry().mutex};
    return registry().handlers.emplace(task, std::move(handler)).second;
}

std::vector<std::string> native_tasks() {
    const std::lock_guard lock{registry().mutex};
    std::vector<std::string> names;
    for (const auto& [task, handler] : registry().handlers) {
        names.push_back(task);
    }
    return names;
}

bool is_native(const std::string& task) {
    const std::lock_guard lock{registry().mutex};
    return registry().handlers.contains(task);
}

NativeHandler find_native(const std::string& task) {
    const std::lock_guard lock{registry().mutex};
    return registry().handlers.at(task);
}

}  // namespace khala::engine
