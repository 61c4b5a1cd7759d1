// Opens Redis stores, each with a prefix of its own on a server that the test process starts, and does to them what a
// test must be able to do behind a store's back.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/time.hpp"
#include "store/contract/bench.hpp"
#include "store/redis/link.hpp"
#include "store/redis/redis_store.hpp"
#include "support/redis_server.hpp"

namespace khala::store::redis {

// One for the process, on its socket.
inline support::RedisServer& shared_server() {
    static support::RedisServer server;
    return server;
}

struct RedisFactory {
    base::ManualClock clock;
    RedisOptions admin;    // who may do everything
    RedisOptions options;  // of the stores

    RedisFactory() : RedisFactory{shared_server()} {}
    explicit RedisFactory(const support::RedisServer& server) {
        static std::atomic<int> count{0};
        admin.unix_path = server.unix_path();
        admin.prefix = "khala" + std::to_string(++count);
        options = admin;
        options.clock = &clock;
    }
    RedisFactory(const RedisFactory&) = delete;
    RedisFactory& operator=(const RedisFactory&) = delete;
    RedisFactory(RedisFactory&&) = delete;
    RedisFactory& operator=(RedisFactory&&) = delete;
    // What is left is only in the way of others.
    ~RedisFactory() {
        run({"EVAL", "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 1", "0",
             "{" + options.prefix + "}:*"});
    }

    std::unique_ptr<Store> open() { return contract::ok(open_redis(options)); }

    // What redis-cli would answer, as an integer.
    std::int64_t run(const std::vector<std::string>& command) {
        auto link = contract::ok(Link::connect(admin));
        if (!link) {
            return 0;
        }
        Request request;
        request.command(command.size());
        for (const std::string& argument : command) {
            request.add(argument);
        }
        const auto replies = contract::ok(link->call(request));
        EXPECT_FALSE(replies.empty() || replies.front().is_error())
            << command.front() << ": " << (replies.empty() ? "" : replies.front().text());
        return replies.empty() ? 0 : replies.front().integer();
    }
    [[nodiscard]] std::string key(const std::string& name) const { return "{" + options.prefix + "}:" + name; }

    contract::Hooks hooks(Store&) {
        return {.set_fate = {}, .damage = [this](const std::string& id) {
                    return run({"HSET", key("job:" + id), "payload", "{\"another\":1}"}) == 0;
                }};
    }
};

}  // namespace khala::store::redis
