// Link: requests and replies over a real server, and what becomes of both when the connection does not hold.
#include "store/redis/link.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "store/redis/classify.hpp"
#include "store/redis/core.hpp"
#include "support/redis_server.hpp"
#include "support/sockets.hpp"

namespace khala::store::redis {
namespace {

using support::Peer;
using support::RedisServer;
using support::ScriptedServer;

RedisOptions to(const ScriptedServer& server) {
    RedisOptions options;
    options.port = server.port();
    options.connect_ms = 2'000;
    options.silence_ms = 300;
    return options;
}

Request ping(int times = 1) {
    Request request;
    for (int i = 0; i < times; ++i) {
        request.command(1).add("PING");
    }
    return request;
}

TEST(Link, AnswersEveryCommandInOrder) {
    const RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link) << link.error().to_string();
    Request request;
    request.command(3).add("SET").add("key").add(42);
    request.command(2).add("INCR").add("key");
    request.command(2).add("GET").add("absent");
    request.command(4).add("RPUSH").add("list").add("a\r\nb").add("");
    request.command(4).add("LRANGE").add("list").add(0).add(-1);
    request.command(1).add("NONSENSE");
    const auto replies = (*link)->call(request);
    ASSERT_TRUE(replies) << replies.error().to_string();
    ASSERT_EQ(replies->size(), 6U);
    EXPECT_EQ((*replies)[0].kind(), Reply::Kind::status);
    EXPECT_EQ((*replies)[1].integer(), 43);
    EXPECT_TRUE((*replies)[2].is_nil());
    EXPECT_EQ((*replies)[4].elements().size(), 2U);
    EXPECT_EQ(part((*replies)[4], 0).text(), "a\r\nb");
    EXPECT_EQ(part((*replies)[4], 1).text(), "");
    EXPECT_TRUE((*replies)[5].is_error());
}

TEST(Link, MovesManyMegabytesBothWays) {
    const RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link) << link.error().to_string();
    const std::string value(std::size_t{3} << 20U, 'x');
    Request request;
    for (int i = 0; i < 20; ++i) {
        request.command(2).add("ECHO").add(value);
    }
    const auto replies = (*link)->call(request);
    ASSERT_TRUE(replies) << replies.error().to_string();
    for (const Reply& reply : *replies) {
        EXPECT_EQ(reply.text().size(), value.size());
    }
}

TEST(Link, WorksOverAUnixSocket) {
    const RedisServer server;
    RedisOptions options;
    options.unix_path = server.unix_path();
    const auto link = Link::connect(options);
    ASSERT_TRUE(link) << link.error().to_string();
    EXPECT_TRUE((*link)->call(ping()));
}

TEST(Link, ConnectsAgainWhereTheServerClosedAnIdleConnection) {
    RedisServer server;
    int greeted = 0;
    const auto link = Link::connect(server.options(), [&greeted](Link& /*link*/) {
        ++greeted;
        return Status{};
    });
    ASSERT_TRUE(link);
    server.end(SIGTERM);
    const auto refused = (*link)->call(ping());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    server.start();
    EXPECT_TRUE((*link)->call(ping()));
    EXPECT_EQ(greeted, 2);
    EXPECT_EQ((*link)->connections(), 2U);
}

TEST(Link, DoesNotKnowWhatBecameOfARequestWhoseReplyIsLost) {
    ScriptedServer server{[](Peer& peer, int /*number*/) {
        peer.greet();
        peer.expect("PING\r\n");
    }};
    const auto link = Link::connect(to(server));
    ASSERT_TRUE(link) << link.error().to_string();
    const auto reply = (*link)->call(ping());
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::unknown_outcome);
    EXPECT_FALSE((*link)->connected());
}

TEST(Link, GivesUpASilentServerAndStartsAfresh) {
    ScriptedServer server{[](Peer& peer, int number) {
        peer.greet();
        peer.expect("PING\r\n");
        if (number == 2) {
            peer.send("+PONG\r\n");
        }
        peer.hold();
    }};
    const auto link = Link::connect(to(server));
    ASSERT_TRUE(link) << link.error().to_string();
    EXPECT_EQ((*link)->call(ping()).error().code, ErrorCode::unknown_outcome);
    const auto second = (*link)->call(ping());
    ASSERT_TRUE(second) << second.error().to_string();
    (*link)->close();
}

TEST(Link, NeverTakesALateReplyForAnotherAnswer) {
    ScriptedServer server{[](Peer& peer, int number) {
        peer.greet();
        peer.expect("PING\r\n");
        peer.send(number == 1 ? "+PONG\r\n+late\r\n" : "+PONG\r\n");
        peer.hold();
    }};
    const auto link = Link::connect(to(server));
    ASSERT_TRUE(link) << link.error().to_string();
    const auto first = (*link)->call(ping());  // with luck the stray reply is seen now, otherwise before the next call
    if (first) {
        EXPECT_EQ(first->front().text(), "PONG");
    }
    const auto second = (*link)->call(ping());
    ASSERT_TRUE(second) << second.error().to_string();
    EXPECT_EQ(second->front().text(), "PONG");
    EXPECT_EQ((*link)->connections(), 2U);
    (*link)->close();
}

Request set(const std::string& key, std::string_view value) {
    Request request;
    request.command(3).add("SET").add(key).add(value);
    request.command(2).add("GET").add(key);
    return request;
}

TEST(LinkInParts, AnswersComeInTheOrderOfTheRequests) {
    const RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link);
    ASSERT_TRUE((*link)->post(set("a", "1")));
    ASSERT_TRUE((*link)->post(set("b", "2")));
    const auto first = (*link)->collect();
    ASSERT_TRUE(first) << first.error().to_string();
    ASSERT_EQ(first->size(), 2U);
    EXPECT_EQ((*first)[1].text(), "1");
    ASSERT_TRUE((*link)->post(set("c", "3")));
    EXPECT_EQ((*link)->collect()->back().text(), "2");
    EXPECT_EQ((*link)->collect()->back().text(), "3");
    EXPECT_TRUE((*link)->call(ping()));
    EXPECT_EQ((*link)->connections(), 1U);
}

TEST(LinkInParts, CallsInBetweenTakeInWhatWasPosted) {
    const RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link);
    ASSERT_TRUE((*link)->post(set("a", std::string(100'000, 'a'))));
    ASSERT_TRUE((*link)->post(set("b", std::string(100'000, 'b'))));
    EXPECT_EQ((*link)->call(set("c", "3"))->back().text(), "3");
    EXPECT_EQ((*link)->call(set("d", "4"))->back().text(), "4");
    ASSERT_TRUE((*link)->post(set("e", "5")));
    EXPECT_EQ((*link)->collect()->back().text(), std::string(100'000, 'a'));
    EXPECT_EQ((*link)->collect()->back().text(), std::string(100'000, 'b'));
    EXPECT_EQ((*link)->collect()->back().text(), "5");
}

TEST(LinkInParts, MovesManyMegabytesBothWays) {
    const RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link);
    const std::string value(std::size_t{24} << 20U, 'x');
    ASSERT_TRUE((*link)->post(set("a", value)));  // its answer is more than the sockets hold
    ASSERT_TRUE((*link)->post(set("b", value)));
    for (int i = 0; i < 2; ++i) {
        const auto replies = (*link)->collect();
        ASSERT_TRUE(replies) << replies.error().to_string();
        EXPECT_EQ(replies->back().text().size(), value.size());
    }
}

TEST(LinkInParts, WithTheConnectionEveryAnswerIsLost) {
    ScriptedServer server{[](Peer& peer, int number) {
        peer.greet();
        peer.expect("PING\r\n");
        if (number == 2) {
            peer.send("+PONG\r\n");
            peer.hold();
        }
    }};
    const auto link = Link::connect(to(server));
    ASSERT_TRUE(link) << link.error().to_string();
    ASSERT_TRUE((*link)->post(ping()));
    static_cast<void>((*link)->post(ping()));  // the server may have gone by now
    EXPECT_EQ((*link)->collect().error().code, ErrorCode::unknown_outcome);
    EXPECT_EQ((*link)->fd(), -1);
    const auto later = (*link)->call(ping());  // a new connection, whose answers are its own
    ASSERT_TRUE(later) << later.error().to_string();
    EXPECT_EQ(later->front().text(), "PONG");
    (*link)->close();
}

// What a call in between had taken in goes with the connection, since its memory does.
TEST(LinkInParts, AnAnswerThatWasTakenInIsLostWithANewConnection) {
    RedisServer server;
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link);
    ASSERT_TRUE((*link)->post(set("a", "1")));
    EXPECT_TRUE((*link)->call(ping()));
    server.end(SIGTERM);
    server.start();
    static_cast<void>((*link)->call(ping()));  // finds out
    EXPECT_TRUE((*link)->call(ping()));
    EXPECT_EQ((*link)->connections(), 2U);
    EXPECT_EQ((*link)->collect().error().code, ErrorCode::unknown_outcome);
}

TEST(Link, StopsWaitingWhenInterrupted) {
    std::atomic<bool> interrupt{false};
    ScriptedServer server{[&interrupt](Peer& peer, int /*number*/) {
        peer.greet();
        peer.expect("PING\r\n");
        interrupt = true;
        peer.hold();
    }};
    RedisOptions options = to(server);
    options.silence_ms = 60'000;
    options.interrupt = &interrupt;
    const auto link = Link::connect(options);
    ASSERT_TRUE(link) << link.error().to_string();
    EXPECT_EQ((*link)->call(ping()).error().code, ErrorCode::unknown_outcome);
    EXPECT_EQ((*link)->call(ping()).error().code, ErrorCode::interrupted);  // nothing was sent
}

TEST(Link, SaysWhatIsWrongWithTheServer) {
    ScriptedServer web{[](Peer& peer, int /*number*/) {
        peer.expect("PING\r\n");
        peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    }};
    const auto link = Link::connect(to(web));
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code, ErrorCode::unavailable);
    EXPECT_NE(link.error().message.find("reply cannot be read"), std::string::npos) << link.error().message;

    RedisOptions nowhere;
    nowhere.port = support::free_port();
    EXPECT_EQ(Link::connect(nowhere).error().code, ErrorCode::unavailable);

    RedisOptions unnamed;
    unnamed.host = "no-such-host.invalid";
    EXPECT_EQ(Link::connect(unnamed).error().code, ErrorCode::unavailable);
}

TEST(Link, NeverShowsThePassword) {
    const RedisServer server{{"--requirepass", "right-secret"}};
    RedisOptions options = server.options();
    EXPECT_EQ(Link::connect(options).error().code, ErrorCode::denied);
    options.password = "wrong-secret";
    const auto refused = Link::connect(options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::denied);
    EXPECT_EQ(refused.error().to_string().find("secret"), std::string::npos) << refused.error().to_string();
    options.password = "right-secret";
    EXPECT_TRUE(Link::connect(options));

    ScriptedServer echo{[](Peer& peer, int /*number*/) {
        peer.expect("PING\r\n");
        peer.send("-ERR unknown command 'AUTH', with args beginning with: 'wrong-secret' \r\n");
    }};
    options.port = echo.port();
    options.password = "wrong-secret";
    const auto echoed = Link::connect(options);
    ASSERT_FALSE(echoed);
    EXPECT_EQ(echoed.error().to_string().find("secret"), std::string::npos) << echoed.error().to_string();
}

}  // namespace
}  // namespace khala::store::redis
