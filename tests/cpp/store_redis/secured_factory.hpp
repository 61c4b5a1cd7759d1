// Opens Redis stores over TLS, as a user that may do nothing but what `khala-jobs redis-acl` prints, on a server whose
// function library an administrator has loaded. With KHALA_TEST_REDIS_PLAIN without TLS, for servers that have none.
#pragma once

#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "store/redis/acl.hpp"
#include "store/redis/library.hpp"
#include "store_redis/redis_factory.hpp"
#include "support/certificates.hpp"

namespace khala::store::redis {

// One for the process.
class SecuredServer {
public:
    static SecuredServer& instance() {
        static SecuredServer server;
        return server;
    }
    [[nodiscard]] const support::RedisServer& server() const { return server_; }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] std::string ca() const { return authority_.ca(); }

private:
    SecuredServer() = default;

    [[nodiscard]] std::vector<std::string> arguments() const {
        if (is_set("KHALA_TEST_REDIS_PLAIN")) {
            return {};
        }
        authority_.issue("server", "DNS:localhost");
        return {"--tls-port",         std::to_string(port_),
                "--tls-cert-file",    authority_.certificate("server"),
                "--tls-key-file",     authority_.key("server"),
                "--tls-ca-cert-file", authority_.ca(),
                "--tls-auth-clients", "no"};
    }

    support::Authority authority_{"khala-test-authority"};
    int port_ = support::free_port();
    support::RedisServer server_{arguments()};
};

struct SecuredRedisFactory : RedisFactory {
    SecuredRedisFactory() : RedisFactory{SecuredServer::instance().server()} {
        std::string line =
            acl_line({.user = admin.prefix, .prefix = admin.prefix, .may_load = false, .may_read_config = false});
        line.replace(line.find("PASSWORD"), 8, "secret");
        std::istringstream words{line};
        run({std::istream_iterator<std::string>{words}, {}});
        run({"FUNCTION", "LOAD", "REPLACE", Library{}.text()});

        options.user = admin.prefix;
        options.password = "secret";
        if (is_set("KHALA_TEST_REDIS_PLAIN")) {
            return;
        }
        options.unix_path.clear();
        options.host = "localhost";
        options.port = SecuredServer::instance().port();
        options.tls.enabled = true;
        options.tls.ca_file = SecuredServer::instance().ca();
    }
};

}  // namespace khala::store::redis
