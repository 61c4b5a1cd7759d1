// TLS against a real server: what is trusted works, everything else is refused with the reason.
#include "store/redis/tls.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <fstream>
#include <string>
#include <vector>

#include "store/redis/link.hpp"
#include "store/redis/listener.hpp"
#include "support/certificates.hpp"
#include "support/redis_server.hpp"

namespace khala::store::redis {
namespace {

using support::Authority;
using support::RedisServer;

class Tls : public testing::Test {
protected:
    explicit Tls(std::vector<std::string> more = {}) {
        authority_.issue("server", "DNS:localhost,IP:127.0.0.1");
        std::vector<std::string> arguments{"--tls-port",         std::to_string(port_),
                                           "--tls-cert-file",    authority_.certificate("server"),
                                           "--tls-key-file",     authority_.key("server"),
                                           "--tls-ca-cert-file", authority_.ca(),
                                           "--tls-auth-clients", "no"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        server_.emplace(std::move(arguments));
    }
    [[nodiscard]] RedisOptions options() const {
        RedisOptions options;
        options.host = "localhost";
        options.port = port_;
        options.tls.enabled = true;
        options.tls.ca_file = authority_.ca();
        return options;
    }
    // The sentence of the refusal, which must be one that trying again may help.
    static std::string refusal(const RedisOptions& options) {
        const auto link = Link::connect(options);
        EXPECT_FALSE(link);
        if (link) {
            return {};
        }
        EXPECT_EQ(link.error().code, ErrorCode::unavailable) << link.error().to_string();
        return link.error().to_string();
    }

    Authority authority_{"khala-test-authority"};
    int port_ = support::free_port();
    std::optional<RedisServer> server_;
};

class TlsWithClientCertificates : public Tls {
protected:
    TlsWithClientCertificates() : Tls{{"--tls-auth-clients", "yes"}} {}
};

class TlsOfOldVersion : public Tls {
protected:
    TlsOfOldVersion() : Tls{{"--tls-protocols", "TLSv1.1"}} {}
};

TEST_F(Tls, ConnectsByNameAndByAddress) {
    for (const char* host : {"localhost", "127.0.0.1"}) {
        RedisOptions by = options();
        by.host = host;
        const auto link = Link::connect(by);
        ASSERT_TRUE(link) << link.error().to_string();
        Request request;
        request.command(3).add("SET").add("key").add(host);
        request.command(2).add("GET").add("key");
        const auto replies = (*link)->call(request);
        ASSERT_TRUE(replies) << replies.error().to_string();
        EXPECT_EQ((*replies)[1].text(), host);
    }
}

TEST_F(Tls, MovesManyMegabytesBothWays) {
    const auto link = Link::connect(options());
    ASSERT_TRUE(link) << link.error().to_string();
    const std::string value(std::size_t{1} << 20U, 'x');
    Request request;
    for (int i = 0; i < 16; ++i) {
        request.command(2).add("ECHO").add(value);
    }
    const auto replies = (*link)->call(request);
    ASSERT_TRUE(replies) << replies.error().to_string();
    for (const Reply& reply : *replies) {
        EXPECT_EQ(reply.text(), value);
    }
}

TEST_F(Tls, ConnectsAgainAfterTheServerClosed) {
    const auto link = Link::connect(options());
    ASSERT_TRUE(link) << link.error().to_string();
    server_->end(SIGTERM);
    server_->start();
    Request request;
    request.command(1).add("PING");
    const auto replies = (*link)->call(request);
    ASSERT_TRUE(replies) << replies.error().to_string();
    EXPECT_EQ((*link)->connections(), 2U);
}

TEST_F(Tls, RefusesACertificateOfAnotherName) {
    RedisOptions other = options();
    other.tls.server_name = "redis.example.org";
    EXPECT_NE(refusal(other).find("certificate is not for redis.example.org"), std::string::npos) << refusal(other);
    other.tls.server_name = "192.0.2.1";
    EXPECT_NE(refusal(other).find("certificate is not for 192.0.2.1"), std::string::npos) << refusal(other);
}

TEST_F(Tls, RefusesACertificateOfAnUnknownAuthority) {
    const Authority stranger{"stranger"};
    RedisOptions other = options();
    other.tls.ca_file = stranger.ca();
    EXPECT_NE(refusal(other).find("certificate is not trusted"), std::string::npos) << refusal(other);
    other.tls.ca_file.clear();  // the system's trust store
    EXPECT_NE(refusal(other).find("certificate is not trusted"), std::string::npos) << refusal(other);
}

TEST_F(Tls, TellsPlainAndSecuredPortsApart) {
    RedisOptions secured = options();
    secured.port = server_->port();
    secured.connect_ms = 500;
    EXPECT_NE(refusal(secured).find("port without TLS"), std::string::npos);
    RedisOptions plain = options();
    plain.tls = {};
    plain.connect_ms = 500;
    EXPECT_NE(refusal(plain).find("(a TLS port wants rediss://)"), std::string::npos) << refusal(plain);
}

TEST_F(Tls, NamesTheFileThatCannotBeUsed) {
    const auto refused = [](const TlsOptions& files, const std::string& field) {
        const auto context = TlsContext::load(files);
        ASSERT_FALSE(context);
        EXPECT_EQ(context.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(context.error().field, field) << context.error().to_string();
    };
    const std::string nonsense = authority_.directory().file("nonsense.pem");
    std::ofstream{nonsense} << "this is no certificate\n";
    authority_.issue("other", "DNS:other");
    const std::string certificate = authority_.certificate("server");
    const auto with = [&](const std::string& cert_file, const std::string& key_file) {
        TlsOptions files = options().tls;
        files.cert_file = cert_file;
        files.key_file = key_file;
        return files;
    };
    TlsOptions untrusted = options().tls;
    untrusted.ca_file = "/no/such/file.pem";
    refused(untrusted, "ca_file");
    EXPECT_NE(TlsContext::load(untrusted).error().message.find("No such file"), std::string::npos);
    untrusted.ca_file = nonsense;
    refused(untrusted, "ca_file");
    refused(with(nonsense, ""), "cert_file");
    refused(with(certificate, ""), "key_file");
    EXPECT_NE(TlsContext::load(with(certificate, "")).error().message.find("is needed"), std::string::npos);
    refused(with("", authority_.key("server")), "cert_file");
    refused(with("/no/such/file.pem", ""), "cert_file");
    refused(with(certificate, "/no/such/file.pem"), "key_file");
    refused(with(certificate, authority_.key("other")), "key_file");
}

TEST_F(Tls, CarriesThePushChannel) {
    const auto listener = Listener::open(options(), {"news"});
    ASSERT_TRUE(listener);
    const auto link = Link::connect(options());
    ASSERT_TRUE(link) << link.error().to_string();
    Request publish;
    publish.command(3).add("PUBLISH").add("news").add("hello");
    const Millis until = SystemClock::instance().lease_ms() + 15'000;
    std::vector<Message> messages;
    while (messages.empty() && SystemClock::instance().lease_ms() < until) {
        pollfd polled{.fd = (*listener)->fd(), .events = POLLIN, .revents = 0};
        ::poll(&polled, 1, 1'000);
        const Heard heard = (*listener)->drain();
        if (heard.rejoined) {
            ASSERT_TRUE((*link)->call(publish));
        }
        messages = heard.messages;
    }
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages.front().payload, "hello");
}

TEST_F(TlsWithClientCertificates, WantsOneOfTheClient) {
    EXPECT_NE(refusal(options()).find("client certificate: cert_file=, key_file="), std::string::npos)
        << refusal(options());
    authority_.issue("client", "DNS:client");
    RedisOptions with = options();
    with.tls.cert_file = authority_.certificate("client");
    with.tls.key_file = authority_.key("client");
    const auto link = Link::connect(with);
    EXPECT_TRUE(link) << link.error().to_string();
}

TEST_F(TlsOfOldVersion, IsRefused) {
    EXPECT_NE(refusal(options()).find("tls"), std::string::npos);
}

}  // namespace
}  // namespace khala::store::redis
