#include "store/redis/library.hpp"

#include <utility>

#include "base/checksum.hpp"
#include "store/redis/lua.hpp"
#include "store/redis/plants.hpp"

namespace khala::store::redis {
namespace {

// In the order in which they see each other.
constexpr std::array<std::string_view, 17> kBody{lua::context, lua::asked,    lua::fresh,  lua::gather,  lua::record,
                                                 lua::queues,  lua::signals,  lua::insert, lua::moves,   lua::sweep,
                                                 lua::claim,   lua::exchange, lua::renew,  lua::workers, lua::read,
                                                 lua::manage,  lua::settings};
static_assert(kBody.size() == lua::all.size(), "every file of lua/ is part of the library");

struct Entry {
    std::string_view name;      // of the function on the server
    std::string_view callback;  // in the text
    std::string_view flag;
};
// In the order of enum Function.
constexpr std::array<Entry, kFunctionCount> kEntries{{{"enqueue", "exchange", ""},
                                                      {"exchange", "exchange", "allow-oom"},
                                                      {"renew", "renew", "allow-oom"},
                                                      {"announce", "announce", "allow-oom"},
                                                      {"workers", "workers", "no-writes"},
                                                      {"unroutable", "unroutable", "no-writes"},
                                                      {"lapsed", "lapsed", "allow-oom"},
                                                      {"read", "read", "no-writes"},
                                                      {"count_queues", "count_queues", "no-writes"},
                                                      {"next_due", "next_due", "no-writes"},
                                                      {"events", "events", "no-writes"},
                                                      {"members", "members", "no-writes"},
                                                      {"manage", "manage", "allow-oom"},
                                                      {"prune", "prune", "allow-oom"},
                                                      {"change_queue", "change_queue", "allow-oom"}}};

std::string hexadecimal(std::uint64_t value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) {
        text.push_back(kDigits[(value >> static_cast<unsigned>(shift)) & 0xfU]);
    }
    return text;
}

}  // namespace

Library::Library() {
    for (const std::string_view part : kBody) {
        body_.append(part).append("\n");
    }
    body_ = planted(std::move(body_));
    constexpr std::size_t kNameDigits = 8;
    name_ = "khala_" + hexadecimal(base::hash_bytes(body_)).substr(0, kNameDigits);
    for (std::size_t i = 0; i < kEntries.size(); ++i) {
        functions_.at(i) = name_ + "_" + std::string{kEntries.at(i).name};
    }
}

std::string Library::text() const {
    std::string text = "#!lua name=" + name_ + "\n" + body_;
    for (std::size_t i = 0; i < kEntries.size(); ++i) {
        const Entry& entry = kEntries.at(i);
        text.append("redis.register_function{function_name = '").append(functions_.at(i)).append("', callback = ");
        text.append(entry.callback).append(", flags = {");
        text.append(entry.flag.empty() ? "" : "'" + std::string{entry.flag} + "'").append("}}\n");
    }
    return text;
}

std::string Library::script(Function function) const {
    const Entry& entry = kEntries.at(static_cast<std::size_t>(function));
    std::string text = "#!lua flags=";
    text.append(entry.flag).append("\n").append(body_);
    return text.append("return ").append(entry.callback).append("(KEYS, ARGV)\n");
}

}  // namespace khala::store::redis
