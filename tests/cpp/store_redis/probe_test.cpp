// The start-up check against real servers: each unfit one is refused with the sentence that helps.
#include "store/redis/probe.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "store/redis/acl.hpp"
#include "store/redis/classify.hpp"
#include "store/redis/commands.hpp"
#include "support/redis_server.hpp"

namespace khala::store::redis {
namespace {

using support::RedisServer;

// What an administrator types, words divided by blanks.
Reply administer(Link& link, std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const auto end = std::min(line.find(' '), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    Request request;
    request.command(words.size());
    for (const std::string_view word : words) {
        request.add(word);
    }
    const auto replies = link.call(request);
    EXPECT_TRUE(replies) << replies.error().to_string();
    return replies ? replies->front() : Reply{};
}

std::unique_ptr<Link> administrator(const RedisServer& server) {
    auto link = Link::connect(server.options());
    EXPECT_TRUE(link) << link.error().to_string();
    return *std::move(link);
}

Error refusal(const RedisOptions& options) {
    Probe probe{options};
    const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
    EXPECT_FALSE(link);
    return link ? Error{} : link.error();
}

bool is_accepted(const RedisOptions& options) {
    Probe probe{options};
    const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
    EXPECT_TRUE(link) << link.error().to_string();
    return link.ok();
}

TEST(Probe, AcceptsAPlainServerAndDescribesIt) {
    const RedisServer server;
    const RedisOptions options = server.options();
    Probe probe{options};
    const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
    ASSERT_TRUE(link) << link.error().to_string();
    EXPECT_EQ(probe.durability(), (Durability{.level = Level::memory}));
    EXPECT_FALSE(probe.refusal());
    EXPECT_EQ(probe.resets(), 0);
    EXPECT_EQ(probe.facts().run_id.size(), 40U);
    EXPECT_FALSE(probe.describe().empty());
}

TEST(Probe, RefusesEviction) {
    const RedisServer server{{"--maxmemory-policy", "allkeys-lru"}};
    RedisOptions options = server.options();
    const Error error = refusal(options);
    EXPECT_EQ(error.code, ErrorCode::unsupported);
    EXPECT_EQ(error.field, "maxmemory-policy");
    EXPECT_NE(error.message.find("allkeys-lru"), std::string::npos);
    EXPECT_NE(error.message.find("CONFIG SET maxmemory-policy noeviction"), std::string::npos);
    options.allow_eviction = true;
    EXPECT_TRUE(is_accepted(options));
}

TEST(Probe, RefusesAReplicaAndACluster) {
    const RedisServer primary;
    const RedisServer replica{{"--replicaof", "127.0.0.1 " + std::to_string(primary.port())}};
    const Error read_only = refusal(replica.options());
    EXPECT_EQ(read_only.code, ErrorCode::unavailable);

    const RedisServer cluster{{"--cluster-enabled", "yes"}};
    RedisOptions options = cluster.options();
    EXPECT_FALSE(refusal(options).message.empty());  // SELECT 1 is refused there already
    options.db = 0;
    EXPECT_EQ(refusal(options).field, "cluster");
    EXPECT_EQ(refusal(options).code, ErrorCode::unsupported);
}

TEST(Probe, RefusesAnOldServer) {
    Request questions;
    append_questions(questions);
    append_rights(questions, {});
    const std::string info = "redis_version:6.2.14\r\nrole:master\r\n";
    std::string replies = "$" + std::to_string(info.size()) + "\r\n" + info + "\r\n*0\r\n";
    for (std::size_t i = 2; i < questions.count(); ++i) {
        replies += "+QUEUED\r\n";
    }
    support::ScriptedServer server{[&](support::Peer& peer, int /*number*/) {
        peer.greet();
        peer.expect("DISCARD\r\n");
        peer.send(replies);
        peer.hold();
    }};
    RedisOptions options;
    options.port = server.port();
    const Error error = refusal(options);
    EXPECT_EQ(error.code, ErrorCode::unsupported) << error.to_string();
    EXPECT_NE(error.message.find("6.2.14 is too old"), std::string::npos) << error.message;
}

TEST(Facts, ReadsOldAndForeignServers) {
    const auto facts_of = [](std::string_view info) {
        return read_facts(Reply::make_text(Reply::Kind::text, info), Reply::make_text(Reply::Kind::error, "NOPERM x"));
    };
    const auto old = facts_of("# Server\r\nredis_version:6.2.14\r\nrole:master\r\n");
    ASSERT_TRUE(old);
    EXPECT_EQ(check_server(*old).error().code, ErrorCode::unsupported);
    EXPECT_NE(check_server(*old).error().message.find("6.2.14 is too old"), std::string::npos);
    const auto valkey = facts_of("redis_version:7.2.4\r\nvalkey_version:8.1.0\r\nrole:master\r\naof_enabled:1\r\n");
    ASSERT_TRUE(valkey);
    EXPECT_TRUE(check_server(*valkey));
    EXPECT_EQ(valkey->product, "valkey");
    EXPECT_EQ(valkey->version, "8.1.0");
    EXPECT_EQ(durability_in_force(*valkey, {}).level, Level::disk_1s);
    EXPECT_FALSE(facts_of("hello"));
    EXPECT_FALSE(facts_of(""));
}

TEST(Probe, TellsTheDurabilityInForce) {
    const auto level_of = [](std::vector<std::string> arguments) {
        const RedisServer server{std::move(arguments)};
        const RedisOptions options = server.options();
        Probe probe{options};
        const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
        EXPECT_TRUE(link);
        return to_text(probe.durability());
    };
    EXPECT_EQ(level_of({}), "memory");
    EXPECT_EQ(level_of({"--save", "60 1"}), "memory");
    EXPECT_EQ(level_of({"--appendonly", "yes", "--appendfsync", "everysec"}), "disk_1s");
    EXPECT_EQ(level_of({"--appendonly", "yes", "--appendfsync", "always"}), "disk");
    EXPECT_EQ(level_of({"--appendonly", "yes", "--appendfsync", "no"}), "memory");
}

TEST(Probe, RefusesToStartBelowTheLevelAskedFor) {
    const RedisServer plain;
    RedisOptions options = plain.options();
    options.durability = Durability{.level = Level::disk_1s};
    const Error error = refusal(options);
    EXPECT_EQ(error.field, "durability");
    EXPECT_NE(error.message.find("append-only file is off"), std::string::npos);
    options.durability = Durability{.level = Level::replicated, .replicas = 1};
    EXPECT_NE(refusal(options).message.find("0 replicas"), std::string::npos);

    const RedisServer logged{{"--appendonly", "yes"}};
    options = logged.options();
    options.durability = Durability{.level = Level::disk_1s};
    EXPECT_TRUE(is_accepted(options));
    options.durability = Durability{.level = Level::disk};
    EXPECT_NE(refusal(options).message.find("appendfsync is everysec"), std::string::npos);
}

TEST(Probe, WaitsForReplicas) {
    const RedisServer primary{{"--repl-diskless-sync-delay", "0"}};
    const auto link = administrator(primary);
    RedisServer replica{{"--replicaof", "127.0.0.1 " + std::to_string(primary.port())}};
    Request wait;  // until the replica has caught up
    wait.command(3).add("SET").add("key").add("value");
    wait.command(3).add("WAIT").add(1).add(4'000);
    ASSERT_EQ((*link).call(wait).value()[1].integer(), 1);

    RedisOptions options = primary.options();
    options.durability = Durability{.level = Level::replicated, .replicas = 1};
    EXPECT_TRUE(is_accepted(options));
    EXPECT_TRUE(wants_replicas(options));
    const auto write = [&] {
        Request request;
        request.command(3).add("SET").add("key").add("value");
        append_wait(request, options);
        return check_wait(link->call(request).value()[1], options);
    };
    EXPECT_TRUE(write());
    replica.pause();
    options.silence_ms = 400;
    EXPECT_EQ(write().error().code, ErrorCode::unknown_outcome);
    replica.resume();
}

TEST(Probe, NoticesLaterWhatBecameUnsafe) {
    const RedisServer server;
    const auto admin = administrator(server);
    const RedisOptions options = server.options();
    Probe probe{options};
    const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
    ASSERT_TRUE(link);
    administer(*admin, "CONFIG SET maxmemory-policy allkeys-lru");
    ASSERT_TRUE(probe.recheck(**link));
    EXPECT_FALSE(probe.refusal());  // the minute is not over
    (*link)->close();
    ASSERT_TRUE((*link)->ensure());  // a new connection is looked at at once
    ASSERT_TRUE(probe.refusal());
    EXPECT_EQ(probe.refusal()->field, "maxmemory-policy");
    administer(*admin, "CONFIG SET maxmemory-policy noeviction");
    (*link)->close();
    ASSERT_TRUE((*link)->ensure());
    EXPECT_FALSE(probe.refusal());
}

TEST(Probe, CountsTheTimesTheStoreWasEmptied) {
    RedisServer server{{"--appendonly", "yes"}};
    const auto admin = administrator(server);
    const RedisOptions options = server.options();
    Probe probe{options};
    const auto link = Link::connect(options, [&](Link& fresh) { return probe.meet(fresh); });
    ASSERT_TRUE(link);
    server.end(SIGKILL);
    server.start();
    const Millis until = SystemClock::instance().lease_ms() + 10'000;
    (*link)->close();
    while (!(*link)->ensure()) {  // it may be loading still
        ASSERT_LT(SystemClock::instance().lease_ms(), until);
    }
    EXPECT_EQ((*link)->connections(), 2U);
    EXPECT_EQ(probe.resets(), 0);  // the append-only file brought everything back
    administer(*admin, "FLUSHALL");
    (*link)->close();
    ASSERT_TRUE((*link)->ensure());
    EXPECT_EQ(probe.resets(), 1);
    (*link)->close();
    ASSERT_TRUE((*link)->ensure());
    EXPECT_EQ(probe.resets(), 1);
}

// --- rights -----------------------------------------------------------------------------------------------------

class LeastPrivilege : public testing::Test {
protected:
    LeastPrivilege() {
        std::string line = acl_line({.user = "worker", .prefix = "khala", .may_load = false, .may_read_config = false});
        line.replace(line.find("PASSWORD"), 8, "secret");
        const Reply reply = administer(*admin_, line);
        EXPECT_FALSE(reply.is_error()) << reply.text();
        options_.user = "worker";
        options_.password = "secret";
    }
    RedisServer server_;
    std::unique_ptr<Link> admin_ = administrator(server_);
    RedisOptions options_ = server_.options();
};

TEST_F(LeastPrivilege, IsEnough) {
    EXPECT_TRUE(is_accepted(options_));
    const auto link = Link::connect(options_);
    ASSERT_TRUE(link);
    for (const char* line : {"EVAL x 0", "CONFIG GET dir", "FLUSHALL", "KEYS *", "GET other", "SET {khala}:x 1",
                             "FUNCTION LIST", "ACL LIST", "HGET other x"}) {
        const Reply reply = administer(**link, line);
        EXPECT_TRUE(reply.is_error() && classify(reply).code == ErrorCode::denied) << line;
    }
}

TEST_F(LeastPrivilege, NamesEachCommandThatLacks) {
    for (const char* command : {"zadd", "hincrby", "unlink", "fcall", "publish", "multi"}) {
        administer(*admin_, "ACL SETUSER worker -" + std::string{command});
        const Error error = refusal(options_);
        EXPECT_EQ(error.code, ErrorCode::denied);
        EXPECT_NE(error.message.find("ACL SETUSER worker +" + std::string{command}), std::string::npos)
            << error.message;
        administer(*admin_, "ACL SETUSER worker +" + std::string{command});
    }
    administer(*admin_, "ACL SETUSER worker -info");
    EXPECT_EQ(refusal(options_).code, ErrorCode::denied);
    administer(*admin_, "ACL SETUSER worker +info -select");
    EXPECT_NE(refusal(options_).message.find("'select'"), std::string::npos) << refusal(options_).message;
}

TEST_F(LeastPrivilege, NamesKeysAndChannelsThatLack) {
    administer(*admin_, "ACL SETUSER worker resetkeys ~other:*");
    EXPECT_NE(refusal(options_).message.find("ACL SETUSER worker ~{khala}:*"), std::string::npos)
        << refusal(options_).message;
    administer(*admin_, "ACL SETUSER worker ~{khala}:* resetchannels");
    EXPECT_NE(refusal(options_).message.find("ACL SETUSER worker &{khala}:*"), std::string::npos)
        << refusal(options_).message;
}

// As Redis 7.2 and Valkey put it, who name the user.
TEST(Rights, OfAUserWithATellingNameAreNotMistaken) {
    RedisOptions options;
    options.user = "monkey_channel";
    const auto missing = [&](const std::string& refusal) {
        std::vector<Reply> replies(kFunctionCommands.size() + kLinkCommands.size() + 2);
        replies[1] = Reply::make_text(Reply::Kind::error, refusal);
        const auto status = check_rights(replies, options);
        EXPECT_FALSE(status);
        return status ? std::string{} : status.error().message.substr(status.error().message.rfind(' ') + 1);
    };
    EXPECT_EQ(missing("NOPERM User monkey_channel has no permissions to run the 'del' command"), "+del");
    EXPECT_EQ(missing("NOPERM No permissions to access a key"), "~{khala}:*");
    EXPECT_EQ(missing("NOPERM No permissions to access a channel"), "&{khala}:*");
    EXPECT_EQ(missing("NOPERM this user has no permissions to access one of the keys used as arguments"), "~{khala}:*");
}

TEST_F(LeastPrivilege, SaysWhatItCannotSee) {
    administer(*admin_, "CONFIG SET appendonly yes");
    options_.durability = Durability{.level = Level::disk};
    EXPECT_NE(refusal(options_).message.find("+config|get"), std::string::npos) << refusal(options_).message;
    administer(*admin_, "ACL SETUSER worker +config|get");
    EXPECT_NE(refusal(options_).message.find("appendfsync is everysec"), std::string::npos);
}

}  // namespace
}  // namespace khala::store::redis
