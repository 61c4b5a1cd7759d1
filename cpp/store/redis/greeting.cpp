#include "store/redis/greeting.hpp"

#include <unistd.h>

#include <string>

#include "store/redis/classify.hpp"

namespace khala::store::redis {
namespace {

// Servers that do not know a command quote its arguments.
void redact(std::string& text, const std::string& secret) {
    for (std::size_t at = secret.empty() ? std::string::npos : text.find(secret); at != std::string::npos;
         at = text.find(secret, at + 3)) {
        text.replace(at, secret.size(), "***");
    }
}

}  // namespace

void append_greeting(Request& request, const RedisOptions& options) {
    if (!options.password.empty()) {
        request.command(options.user.empty() ? 2 : 3).add("AUTH");
        if (!options.user.empty()) {
            request.add(options.user);
        }
        request.add(options.password);
    }
    request.command(2).add("SELECT").add(options.db);
    request.command(3).add("CLIENT").add("SETNAME").add("khala:" + std::to_string(::getpid()));
    request.command(1).add("PING");
}

Status check_greeting(const Reply& reply, bool is_last, const RedisOptions& options) {
    if (reply.is_error()) {
        Error error = classify(reply);
        redact(error.message, options.password);
        return error;
    }
    if (is_last && reply.text() != "PONG") {
        return Error{ErrorCode::unsupported, "server", "what answers there is not Redis: " + printable(reply.text())};
    }
    return {};
}

}  // namespace khala::store::redis
