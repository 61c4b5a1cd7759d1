// Listener: what is published is heard, also after the connection was lost.
#include "store/redis/listener.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <functional>
#include <string>
#include <vector>

#include "store/redis/link.hpp"
#include "support/redis_server.hpp"

namespace khala::store::redis {
namespace {

using support::Peer;
using support::RedisServer;
using support::ScriptedServer;

// Drives the listener as an event loop would, until the condition holds or 15 s are over.
bool drive(Listener& listener, Heard& heard, const std::function<bool()>& condition) {
    const Millis until = SystemClock::instance().lease_ms() + 15'000;
    while (!condition()) {
        if (SystemClock::instance().lease_ms() >= until) {
            return false;
        }
        pollfd polled{.fd = listener.fd(), .events = POLLIN, .revents = 0};
        if (::poll(&polled, 1, 1'000) > 0) {
            Heard more = listener.drain();
            heard.rejoined = heard.rejoined || more.rejoined;
            heard.messages.insert(heard.messages.end(), more.messages.begin(), more.messages.end());
        }
    }
    return true;
}

void publish(const RedisServer& server, const std::string& channel, const std::string& payload) {
    const auto link = Link::connect(server.options());
    ASSERT_TRUE(link) << link.error().to_string();
    Request request;
    request.command(3).add("PUBLISH").add(channel).add(payload);
    ASSERT_TRUE((*link)->call(request));
}

TEST(Listener, HearsWhatIsPublished) {
    const RedisServer server;
    const auto opened = Listener::open(server.options(), {"a", "b"});
    ASSERT_TRUE(opened);
    Listener& listener = **opened;
    Heard heard;
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.joined(); }));
    EXPECT_TRUE(heard.rejoined);
    publish(server, "a", "one");
    publish(server, "c", "not for us");
    publish(server, "b", "two");
    ASSERT_TRUE(drive(listener, heard, [&] { return heard.messages.size() >= 2; }));
    ASSERT_EQ(heard.messages.size(), 2U);
    EXPECT_EQ(heard.messages[0].channel, "a");
    EXPECT_EQ(heard.messages[0].payload, "one");
    EXPECT_EQ(heard.messages[1].payload, "two");
}

TEST(Listener, JoinsAndLeavesChannels) {
    const RedisServer server;
    const auto opened = Listener::open(server.options(), {"a"});
    ASSERT_TRUE(opened);
    Listener& listener = **opened;
    Heard heard;
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.joined(); }));
    listener.subscribe("b");
    EXPECT_FALSE(listener.joined());
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.joined(); }));
    listener.unsubscribe("a");
    publish(server, "b", "first");
    ASSERT_TRUE(drive(listener, heard, [&] { return !heard.messages.empty(); }));  // the server has read UNSUBSCRIBE
    publish(server, "a", "nobody listens");
    publish(server, "b", "second");
    ASSERT_TRUE(drive(listener, heard, [&] { return heard.messages.size() >= 2; }));
    EXPECT_EQ(heard.messages[1].payload, "second");
}

TEST(Listener, KeepsItsDescriptorOverARestart) {
    RedisServer server;
    const auto opened = Listener::open(server.options(), {"a"});
    ASSERT_TRUE(opened);
    Listener& listener = **opened;
    const int fd = listener.fd();
    Heard heard;
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.joined(); }));
    server.end(SIGKILL);
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.error().has_value(); }));
    heard = {};
    server.start();
    ASSERT_TRUE(drive(listener, heard, [&] { return listener.joined(); }));
    EXPECT_TRUE(heard.rejoined);
    EXPECT_EQ(listener.fd(), fd);
    publish(server, "a", "again");
    ASSERT_TRUE(drive(listener, heard, [&] { return !heard.messages.empty(); }));
}

// The first connection answers nothing any more once it is joined, as one whose other end is gone without a word.
TEST(Listener, NoticesAHalfOpenConnection) {
    ScriptedServer server{[](Peer& peer, int number) {
        peer.expect("SUBSCRIBE\r\n$1\r\na\r\n");
        peer.send("+OK\r\n+OK\r\n+PONG\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
        if (number == 2) {
            peer.send("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n");
        }
        peer.hold();
    }};
    RedisOptions options;
    options.port = server.port();
    const auto opened = Listener::open(options, {"a"});
    ASSERT_TRUE(opened);
    Heard heard;
    ASSERT_TRUE(drive(**opened, heard, [&] { return (*opened)->joined(); }));
    const Millis joined = SystemClock::instance().lease_ms();
    ASSERT_TRUE(drive(**opened, heard, [&] { return !heard.messages.empty(); }));
    EXPECT_LE(SystemClock::instance().lease_ms() - joined, 10'000);
    EXPECT_EQ(heard.messages.front().payload, "hello");
    EXPECT_EQ(server.connections(), 2);
}

}  // namespace
}  // namespace khala::store::redis
