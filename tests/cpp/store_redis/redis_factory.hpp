// Opens Redis stores, each with a prefix of its own on a server that the test process starts, and does to them what a
// test must be able to do behind a store's back.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "store/contract/bench.hpp"
#include "store/host/liveness.hpp"
#include "store/redis/acl.hpp"
#include "store/redis/core.hpp"
#include "store/redis/link.hpp"
#include "store/redis/read.hpp"
#include "store/redis/record.hpp"
#include "store/redis/redis_store.hpp"
#include "store/redis/sets.hpp"
#include "store/redis/workers.hpp"
#include "support/redis_server.hpp"
#include "support/temp_directory.hpp"

namespace khala::store::redis {

// Which servers the factories start; said in the environment, so that one program runs the contract in every way.
[[nodiscard]] inline bool is_set(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

// One for the process, on its socket. With KHALA_TEST_REDIS_SCRIPTS it has no functions: scripts are used.
inline support::RedisServer& shared_server() {
    static support::RedisServer server{is_set("KHALA_TEST_REDIS_SCRIPTS")
                                           ? std::vector<std::string>{"--rename-command", "FUNCTION", ""}
                                           : std::vector<std::string>{}};
    return server;
}

struct RedisFactory {
    base::ManualClock clock;
    support::TempDirectory directory;
    RedisOptions admin;    // who may do everything
    RedisOptions options;  // of the stores

    RedisFactory() : RedisFactory{shared_server()} {}
    explicit RedisFactory(const support::RedisServer& server) {
        static std::atomic<int> count{0};
        admin.unix_path = server.unix_path();
        admin.prefix = "khala" + std::to_string(++count);
        options = admin;
        options.clock = &clock;
        options.neighbours_directory = directory.path().string();
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

    // Stores are opened as a user, named after the prefix, that may do what `khala-jobs redis-acl` prints, and no more.
    void become_least_user() {
        options.user = options.prefix;
        options.password = "secret";
        std::string line =
            acl_line({.user = options.user, .prefix = options.prefix, .may_load = true, .may_read_config = false});
        line.replace(line.find("PASSWORD"), 8, options.password);
        std::istringstream words{line};
        run({std::istream_iterator<std::string>{words}, {}});
    }

    // What redis-cli would answer, as an integer.
    std::int64_t run(const std::vector<std::string>& command) { return run(admin, command); }
    static std::int64_t run(const RedisOptions& options, const std::vector<std::string>& command) {
        auto link = contract::ok(Link::connect(options));
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
        return {.set_fate = [this](const std::string& worker, const job::Lapsed& fate) { set_fate(worker, fate); },
                .damage =
                    [this](const std::string& id) {
                        return run({"EVAL",
                                    "local asked = redis.call('HGET', KEYS[1], ARGV[1]) return asked and "
                                    "redis.call('HSET', KEYS[1], ARGV[1], string.sub(asked, 1, -2) .. ' ') or 1",
                                    "1", key("asked"), id}) == 0;
                    }};
    }

    // The worker's leases were taken by a process that then died: its file is left behind, with the marks that it would
    // have made and those that were made here.
    void set_fate(const std::string& worker, const job::Lapsed& fate) {
        RedisOptions behind = admin;
        behind.clock = &clock;
        Core core{behind};
        contract::ok(core.connect());
        const State running = State::running;
        std::vector<std::pair<std::string, Record>> records;
        for (const Entry& member : contract::ok(members(core, {}, {&running, 1}))) {
            const auto rows = contract::ok(read_rows(core, {&member.id, 1}, false, false));
            Record record = contract::ok(decode_record(rows.front()->record, member.id));
            if (record.standing.worker == worker) {
                records.emplace_back(member.id, std::move(record));
            }
        }
        // With another boot's id the end is explained, as after a reboot.
        const base::UniqueFd files{::open(neighbours_of().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        auto dead =
            host::Liveness::create(files.get(), fate.explained ? "another boot" : SystemClock::instance().boot_id());
        ASSERT_TRUE(dead.ok());
        host::Neighbours neighbours{files.get(), 0, SystemClock::instance().boot_id()};
        int slot = 0;
        for (auto& [id, record] : records) {
            const auto made = neighbours.examine(record.holder).mark(record.standing.token);
            if (fate.started || made.started) {
                dead->mark_started(slot++, record.standing.token, fate.as_suspect || made.as_suspect);
            }
            record.holder = dead->holder();
            run({"HSET", key("standing"), id, encode_record(record)});
        }
        for (KnownWorker& known : contract::ok(known_workers(core))) {
            if (known.info.id == worker) {
                std::string info;
                append_double(info, known.info.seen_at);
                append_double(info, known.info.seen_lease_ms);
                run({"HSET", key("workers"), worker, info + encode_worker(known.info, dead->holder())});
            }
        }
    }  // `dead` closes its file: the lock is gone, the file stays

    // The directory of this namespace below ours.
    std::string neighbours_of() {
        for (const auto& entry : std::filesystem::directory_iterator{directory.path()}) {
            return entry.path().string();
        }
        ADD_FAILURE() << "no store has been opened here";
        return {};
    }
};

}  // namespace khala::store::redis
