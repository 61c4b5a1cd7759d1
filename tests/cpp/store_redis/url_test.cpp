// Redis URLs: what they say, and one sentence for what they should not.
#include "store/redis/url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.hpp"

namespace khala::store::redis {
namespace {

RedisOptions parsed(std::string_view url) {
    auto options = parse_redis_url(url);
    EXPECT_TRUE(options) << url << ": " << (options ? "" : options.error().to_string());
    return std::move(options).value_or({});
}

std::string refusal(std::string_view url) {
    const auto options = parse_redis_url(url);
    EXPECT_FALSE(options) << url;
    if (options) {
        return {};
    }
    EXPECT_EQ(options.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(options.error().field, "url");
    return options.error().message;
}

TEST(Url, HasDefaults) {
    const RedisOptions options = parsed("redis://localhost");
    EXPECT_EQ(options.host, "localhost");
    EXPECT_EQ(options.port, 6379);
    EXPECT_EQ(options.db, 1);
    EXPECT_EQ(options.prefix, "khala");
    EXPECT_FALSE(options.tls.enabled);
    EXPECT_FALSE(options.durability);
    EXPECT_FALSE(options.allow_eviction);
}

TEST(Url, SaysEverything) {
    const RedisOptions options = parsed(
        "rediss://us%65r:p%40ss%2Fw%3Ard@[::1]:6380/7?prefix=jobs-a.b_1&durability=replicated(2)&eviction=allow&"
        "connect_ms=1000&silence_ms=2000&ca_file=/etc/ca%20file.pem&cert_file=c&key_file=k&server_name=redis.internal");
    EXPECT_EQ(options.user, "user");
    EXPECT_EQ(options.password, "p@ss/w:rd");
    EXPECT_EQ(options.host, "::1");
    EXPECT_EQ(options.port, 6380);
    EXPECT_EQ(options.db, 7);
    EXPECT_TRUE(options.tls.enabled);
    EXPECT_EQ(options.prefix, "jobs-a.b_1");
    EXPECT_EQ(options.durability, (Durability{.level = Level::replicated, .replicas = 2}));
    EXPECT_TRUE(options.allow_eviction);
    EXPECT_EQ(options.connect_ms, 1'000);
    EXPECT_EQ(options.silence_ms, 2'000);
    EXPECT_EQ(options.tls.ca_file, "/etc/ca file.pem");
    EXPECT_EQ(options.tls.server_name, "redis.internal");
    EXPECT_EQ(location(options), "rediss://[::1]:6380/7");
}

TEST(Url, NamesAUnixSocket) {
    const RedisOptions options = parsed("redis+unix:///run/redis/a%3Fb.sock?db=3&user=u&password=p%25");
    EXPECT_EQ(options.unix_path, "/run/redis/a?b.sock");
    EXPECT_EQ(options.db, 3);
    EXPECT_EQ(options.user, "u");
    EXPECT_EQ(options.password, "p%");
    EXPECT_EQ(location(options), "redis+unix:///run/redis/a?b.sock?db=3");
}

TEST(Url, TakesAPasswordOfTheDefaultUser) {
    const RedisOptions options = parsed("redis://:secret@host/");
    EXPECT_EQ(options.user, "");
    EXPECT_EQ(options.password, "secret");
    EXPECT_EQ(options.db, 1);
}

TEST(Url, RefusesWithASentenceThatHelps) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "must start with"},
        {"redis:/localhost", "must start with"},
        {"http://localhost", "must start with"},
        {"redis://", "names no host"},
        {"redis://:6379", "names no host"},
        {"redis:///1", "names no host"},
        {"redis://localhost:", "port"},
        {"redis://localhost:0", "port"},
        {"redis://localhost:65536", "port"},
        {"redis://localhost:6379x", "port"},
        {"redis://::1", "brackets"},
        {"redis://[::1", "closing ]"},
        {"redis://[::1]6379", "after the ]"},
        {"redis://local host", "space"},
        {"redis://localhost/x", "database number"},
        {"redis://localhost/1/2", "database number"},
        {"redis://localhost/-1", "database number"},
        {"redis://user@localhost", "without a password"},
        {"redis://user:@localhost", "empty password"},
        {"redis://local%zzhost", "%25"},
        {"redis://local%00host", "zero byte"},
        {"redis://localhost?prefx=a", "prefx"},
        {"redis://localhost?prefix", "without a value"},
        {"redis://localhost?prefix=", "1 to 64"},
        {"redis://localhost?prefix=a{b}", "1 to 64"},
        {"redis://localhost?prefix=a&prefix=b", "twice"},
        {"redis://localhost?durability=always", "disk_1s"},
        {"redis://localhost?durability=replicated(0)", "disk_1s"},
        {"redis://localhost?durability=replicated(99)", "disk_1s"},
        {"redis://localhost?durability=replicated()", "disk_1s"},
        {"redis://localhost?eviction=yes", "eviction=allow"},
        {"redis://localhost?silence_ms=99", "100 to 60000"},
        {"redis://localhost?silence_ms=1s", "100 to 60000"},
        {"redis://localhost?ca_file=/x", "rediss://"},
        {"rediss://localhost?ca_file=", "without a value"},
        {"rediss://localhost?key_file=/x", "cert_file is needed"},
        {"redis://localhost?db=1", "before ?"},
        {"redis://localhost?password=x", "before ?"},
        {"redis+unix://run/redis.sock", "third slash"},
        {"redis+unix:///run/", "third slash"},
        {"redis://" + std::string(5'000, 'a'), "longer than"},
    };
    for (const auto& [url, part] : cases) {
        EXPECT_NE(refusal(url).find(part), std::string::npos) << url << ": " << refusal(url);
    }
}

// An unescaped @, / or : in the password moves the parts about: no such text may end up in the sentence.
TEST(Url, NeverQuotesAPassword) {
    for (const char* url :
         {"redis://user:hunter/2@localhost", "redis://user:hun@ter2:x@localhost:y", "redis://user:hunter2@:1",
          "redis://user:hunter%2@localhost", "redis://user:hunter2@localhost?nonsense=1",
          "redis://:hunter2@localhost:port", "redis://user:hunter2@[::1", "redis+unix:///x?password=hunter%2",
          "redis://hunter2@localhost", "redis://localhost?password=hunter2", "redis://user:hunter?2@localhost/0"}) {
        const auto options = parse_redis_url(url);
        if (!options) {
            EXPECT_EQ(options.error().to_string().find("hunter"), std::string::npos) << options.error().to_string();
            EXPECT_EQ(options.error().to_string().find("ter2"), std::string::npos) << options.error().to_string();
        }
    }
}

TEST(Url, NeverFailsOtherwise) {
    Rng rng{4};
    constexpr std::string_view kTelling = "redis://u:p@h:1/2?prefix=a&db=%40[]{}\0()x";
    for (int round = 0; round < 50'000; ++round) {
        std::string url = rng.below(2) == 0 ? "redis://u:p@h:1/2?prefix=a&eviction=allow" : "redis+unix:///a?db=1";
        for (std::uint64_t change = rng.below(5) + 1; change > 0; --change) {
            const auto at = static_cast<std::size_t>(rng.below(url.size()));
            url[at] = kTelling[static_cast<std::size_t>(rng.below(kTelling.size()))];
        }
        const auto options = parse_redis_url(url);
        EXPECT_TRUE(options || options.error().code == ErrorCode::invalid_argument);
    }
}

TEST(Durability, IsTheSameInBothDirections) {
    for (const char* text : {"memory", "disk_1s", "disk", "replicated(1)", "replicated(9)"}) {
        const auto durability = durability_from_text(text);
        ASSERT_TRUE(durability) << text;
        EXPECT_EQ(to_text(*durability), text);
    }
    EXPECT_LT(Level::disk_1s, Level::disk);
}

}  // namespace
}  // namespace khala::store::redis
