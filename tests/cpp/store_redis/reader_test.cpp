// The reply parser: what servers send, what they should not, and everything cut short.
#include "store/redis/reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.hpp"
#include "store/redis/classify.hpp"
#include "store/redis/link.hpp"
#include "support/sockets.hpp"

namespace khala::store::redis {
namespace {

// A reply in words, to compare.
std::string show(const Reply& reply) {
    switch (reply.kind()) {
        case Reply::Kind::nil: return "nil";
        case Reply::Kind::status: return "status " + std::string{reply.text()};
        case Reply::Kind::integer: return std::to_string(reply.integer());
        case Reply::Kind::text: return "\"" + std::string{reply.text()} + "\"";
        case Reply::Kind::error: return "error " + std::string{reply.text()};
        case Reply::Kind::array: break;
    }
    std::string text = "[";
    for (const Reply& element : reply.elements()) {
        text += (text.size() > 1 ? " " : "") + show(element);
    }
    return text + "]";
}

// All whole replies, then "…" if something is left, or "broken".
std::vector<std::string> read_all(Reader& reader, std::string_view bytes, std::size_t step) {
    std::vector<std::string> shown;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (!reader.feed(bytes.substr(at, step))) {
            shown.emplace_back("broken");
            return shown;
        }
        while (true) {
            Reply reply;
            const auto taken = reader.next(reply);
            if (!taken) {
                EXPECT_EQ(taken.error().code, ErrorCode::corrupt);
                shown.emplace_back("broken");
                return shown;
            }
            if (!*taken) {
                break;
            }
            shown.push_back(show(reply));
        }
    }
    if (!reader.drained()) {
        shown.emplace_back("...");
    }
    return shown;
}

constexpr std::string_view kConversation =
    "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n$6\r\na\r\nb\r\n\r\n-ERR no such thing\r\n*0\r\n"
    "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n+done\r\n:9223372036854775807\r\n";
const std::vector<std::string> kUnderstood{"status OK",
                                           "-42",
                                           "nil",
                                           "nil",
                                           "\"\"",
                                           "\"a\r\nb\r\n\"",
                                           "error ERR no such thing",
                                           "[]",
                                           "[1 [\"x\" nil] status done]",
                                           "9223372036854775807"};

TEST(Reader, UnderstandsEveryKindHoweverItArrives) {
    for (std::size_t step = 1; step <= kConversation.size(); ++step) {
        Reader reader;
        EXPECT_EQ(read_all(reader, kConversation, step), kUnderstood) << "in pieces of " << step;
        EXPECT_TRUE(reader.drained());
    }
}

TEST(Reader, WaitsForTheRestAtEveryByte) {
    for (std::size_t length = 0; length < kConversation.size(); ++length) {
        Reader reader;
        const auto shown = read_all(reader, kConversation.substr(0, length), length == 0 ? 1 : length);
        for (std::size_t i = 0; i < shown.size(); ++i) {
            const bool last = i + 1 == shown.size();
            EXPECT_TRUE(shown[i] == kUnderstood[i] || (last && shown[i] == "...")) << length << ": " << shown[i];
        }
    }
}

TEST(Reader, RefusesWhatNoServerShouldSend) {
    const std::string deep = [] {
        std::string nested;
        for (int i = 0; i < 10'000; ++i) {
            nested += "*1\r\n";
        }
        return nested;
    }();
    const std::vector<std::string> hostile{"hello\r\n",
                                           "?1\r\n",
                                           ">2\r\n+a\r\n+b\r\n",
                                           "%1\r\n+a\r\n+b\r\n",
                                           "*2147483647\r\n",
                                           "*4194305\r\n",
                                           "*9223372036854775807\r\n",
                                           "*-2\r\n",
                                           "$-2\r\n",
                                           ":12x\r\n",
                                           ":\r\n",
                                           ":99999999999999999999\r\n",
                                           "$99999999999999999999\r\n",
                                           deep,
                                           std::string("\0\0\0\0", 4),
                                           "\r\n"};
    for (const std::string& bytes : hostile) {
        Reader reader;
        const auto shown = read_all(reader, bytes, bytes.size());
        ASSERT_FALSE(shown.empty()) << bytes.substr(0, 40);
        EXPECT_EQ(shown.back(), "broken") << bytes.substr(0, 40);
    }
}

TEST(Reader, KeepsToItsLimits) {
    Reader few{{.bytes = 1'000, .elements = 10}};
    EXPECT_EQ(read_all(few, "*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", 8).size(), 1U);
    EXPECT_EQ(read_all(few, "*5\r\n", 4), std::vector<std::string>{"broken"});  // 6 + 5 values
    few.reset();
    EXPECT_EQ(read_all(few, "*11\r\n", 5), std::vector<std::string>{"broken"});

    Reader narrow{{.bytes = 20, .elements = 10}};
    EXPECT_EQ(read_all(narrow, "$100\r\n" + std::string(100, 'x') + "\r\n", 7).back(), "broken");
    narrow.reset();
    for (int i = 0; i < 10; ++i) {  // the limits are of one batch, not of a connection's life
        EXPECT_EQ(read_all(narrow, "$4\r\nabcd\r\n", 3), std::vector<std::string>{"\"abcd\""});
        narrow.release();
    }
}

// Bytes of a real conversation with some of them changed, removed or added: anything but a crash, a hang or more memory
// than the limits say.
TEST(Reader, SurvivesDamagedBytes) {
    Rng rng{20'261'128};
    constexpr std::string_view kTelling = "$*:+-\r\n0129x\0%>_,#(~|!=";
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes{kConversation};
        for (std::uint64_t change = rng.below(6) + 1; change > 0; --change) {
            const auto at = static_cast<std::size_t>(rng.below(bytes.size()));
            const char byte = kTelling[static_cast<std::size_t>(rng.below(kTelling.size()))];
            switch (rng.below(3)) {
                case 0: bytes[at] = byte; break;
                case 1: bytes.erase(at, 1 + static_cast<std::size_t>(rng.below(8))); break;
                default: bytes.insert(at, 1 + static_cast<std::size_t>(rng.below(3)), byte);
            }
        }
        Reader reader{{.bytes = 4'096, .elements = 256}};
        const auto step = 1 + static_cast<std::size_t>(rng.below(bytes.size()));
        EXPECT_LE(read_all(reader, bytes, step).size(), bytes.size() + 1) << "round " << round;
    }
}

TEST(Classify, MakesForeignTextsPrintable) {
    const Error error = classify(Reply::make_text(Reply::Kind::error, "ERR evil\r\n+OK\r\n\x1b[31m"));
    EXPECT_EQ(error.code, ErrorCode::internal);
    for (const char c : error.message) {
        EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
    EXPECT_LE(printable(std::string(10'000, 'x')).size(), 310U);
    EXPECT_EQ(printable("a\xff\x80 b\x7f"), "a?? b?") << "what a server quotes need not be UTF-8";
}

TEST(Classify, KnowsWhatServersSay) {
    const auto code = [](std::string_view text) { return classify(Reply::make_text(Reply::Kind::error, text)).code; };
    EXPECT_EQ(code("OOM command not allowed when used memory > 'maxmemory'."), ErrorCode::store_full);
    EXPECT_EQ(code("READONLY You can't write against a read only replica."), ErrorCode::unavailable);
    EXPECT_EQ(code("LOADING Redis is loading the dataset in memory"), ErrorCode::unavailable);
    EXPECT_EQ(code("MISCONF Redis is configured to save RDB snapshots"), ErrorCode::unavailable);
    EXPECT_EQ(code("MASTERDOWN Link with MASTER is down"), ErrorCode::unavailable);
    EXPECT_EQ(code("NOREPLICAS Not enough good replicas to write."), ErrorCode::unavailable);
    EXPECT_EQ(code("BUSY Redis is busy running a script."), ErrorCode::busy);
    EXPECT_EQ(code("NOAUTH Authentication required."), ErrorCode::denied);
    EXPECT_EQ(code("WRONGPASS invalid username-password pair or user is disabled."), ErrorCode::denied);
    EXPECT_EQ(code("NOPERM this user has no permissions to run the 'eval' command"), ErrorCode::denied);
    EXPECT_EQ(code("ERR The user executing the script can't run this command or subcommand script: x, on @f:2."),
              ErrorCode::denied);
    EXPECT_EQ(code("ERR ACL failure in script: User worker has no permissions to run the 'zadd' command script: x"),
              ErrorCode::denied);
    EXPECT_EQ(code("NOSCRIPT No matching script. Please use EVAL."), ErrorCode::not_found);
    EXPECT_EQ(code("ERR Function not found"), ErrorCode::not_found);
    EXPECT_EQ(code("MOVED 3999 127.0.0.1:6381"), ErrorCode::unsupported);
    EXPECT_EQ(code("CROSSSLOT Keys in request don't hash to the same slot"), ErrorCode::unsupported);
    EXPECT_EQ(code("ERR unknown command 'FCALL', with args beginning with: "), ErrorCode::unsupported);
    EXPECT_EQ(code("WRONGTYPE Operation against a key holding the wrong kind of value"), ErrorCode::corrupt);
    EXPECT_TRUE(is_missing_library(Reply::make_text(Reply::Kind::error, "ERR Function not found")));
    EXPECT_FALSE(is_missing_library(Reply::make_text(Reply::Kind::text, "NOSCRIPT")));
    const Error denied =
        classify(Reply::make_text(Reply::Kind::error, "NOPERM this user has no permissions to run the 'eval' command"));
    EXPECT_NE(denied.message.find("'eval'"), std::string::npos);
}

// --- through a connection ---------------------------------------------------------------------------------------

constexpr std::string_view kReply = "*3\r\n:1\r\n$5\r\nhello\r\n*1\r\n+OK\r\n";

RedisOptions to(int port) {
    RedisOptions options;
    options.port = port;
    options.silence_ms = 5'000;
    return options;
}

Request question() {
    Request request;
    request.command(2).add("FCALL").add("x");
    return request;
}

TEST(Link, KnowsNothingOfAReplyThatIsCutAtAnyByte) {
    support::ScriptedServer server{[](support::Peer& peer, int number) {
        peer.greet();
        peer.expect("x\r\n");
        peer.send(kReply.substr(0, static_cast<std::size_t>(number - 1)));
    }};
    for (std::size_t length = 0; length <= kReply.size(); ++length) {
        const auto link = Link::connect(to(server.port()));
        ASSERT_TRUE(link) << link.error().to_string();
        const auto reply = (*link)->call(question());
        if (length < kReply.size()) {
            ASSERT_FALSE(reply) << length;
            EXPECT_EQ(reply.error().code, ErrorCode::unknown_outcome) << length;
        } else {
            ASSERT_TRUE(reply);
            EXPECT_EQ(show(reply->front()), "[1 \"hello\" [status OK]]");
        }
    }
}

TEST(Link, ConnectsAgainWhenTheGreetingIsCutAtAnyByte) {
    constexpr std::string_view kGreeting = "+OK\r\n+OK\r\n+PONG\r\n";
    support::ScriptedServer server{[&](support::Peer& peer, int number) {
        peer.expect("PING\r\n");
        peer.send(kGreeting.substr(0, static_cast<std::size_t>(number - 1)));
        if (number > static_cast<int>(kGreeting.size())) {
            peer.expect("x\r\n");
            peer.send(kReply);
        }
    }};
    for (std::size_t length = 0; length < kGreeting.size(); ++length) {
        const auto link = Link::connect(to(server.port()));
        ASSERT_FALSE(link) << length;
        EXPECT_EQ(link.error().code, ErrorCode::unavailable) << link.error().to_string();
    }
    const auto link = Link::connect(to(server.port()));
    ASSERT_TRUE(link);
    EXPECT_TRUE((*link)->call(question()));
}

TEST(Link, SurvivesAReset) {
    support::ScriptedServer server{[](support::Peer& peer, int number) {
        peer.greet();
        peer.expect("x\r\n");
        if (number == 1) {
            peer.reset();
        } else {
            peer.send(kReply);
        }
    }};
    const auto link = Link::connect(to(server.port()));
    ASSERT_TRUE(link);
    EXPECT_EQ((*link)->call(question()).error().code, ErrorCode::unknown_outcome);
    const auto reply = (*link)->call(question());
    ASSERT_TRUE(reply) << reply.error().to_string();
}

}  // namespace
}  // namespace khala::store::redis
