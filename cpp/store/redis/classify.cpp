#include "store/redis/classify.hpp"

#include <algorithm>
#include <array>

namespace khala::store::redis {
namespace {

constexpr std::size_t kQuoteBytes = 300;

struct Meaning {
    std::string_view word;  // how the error text starts
    ErrorCode code;
    std::string_view field;
    std::string_view sentence;  // put before what the server said
};

// Longer beginnings before shorter ones of the same word.
constexpr auto kMeanings = std::to_array<Meaning>({
    {"OOM", ErrorCode::store_full, "maxmemory",
     "the server's memory limit (maxmemory) is reached; raise it or let jobs finish"},
    {"LOADING", ErrorCode::unavailable, "server", "the server is still loading its data"},
    {"MASTERDOWN", ErrorCode::unavailable, "server", "the replica has lost its primary and may not answer"},
    {"READONLY", ErrorCode::unavailable, "server", "the server is a read-only replica; connect to the primary"},
    {"NOREPLICAS", ErrorCode::unavailable, "min-replicas-to-write", "too few replicas are connected to the server"},
    {"MISCONF", ErrorCode::unavailable, "server",
     "the server refuses writes because it cannot save to its disk; look at its log"},
    {"CLUSTERDOWN", ErrorCode::unavailable, "server", "the cluster is down"},
    {"TRYAGAIN", ErrorCode::unavailable, "server", "the cluster is moving the keys"},
    {"ERR max number of clients", ErrorCode::unavailable, "maxclients", "the server has no connection left"},
    {"BUSY", ErrorCode::busy, "server", "another client's script keeps the server busy"},
    {"UNKILLABLE", ErrorCode::busy, "server", "another client's script keeps the server busy"},
    {"NOAUTH", ErrorCode::denied, "password", "the server asks for a password; put user and password into the URL"},
    {"WRONGPASS", ErrorCode::denied, "password", "the server does not accept this user and password"},
    {"ERR AUTH <password> called without any password", ErrorCode::denied, "password",
     "the URL has a password, but the server's default user has none"},
    {"ERR Client sent AUTH, but no password is set", ErrorCode::denied, "password",
     "the URL has a password, but the server has none"},
    {"NOPERM", ErrorCode::denied, "acl",
     "the server's ACL forbids this user something; `khala-jobs redis-acl` prints what it needs"},
    {"ERR The user executing the script can't run", ErrorCode::denied, "acl",
     "the server's ACL forbids this user a command that our functions use; `khala-jobs redis-acl` prints what it "
     "needs"},
    {"ERR The user executing the script can't access", ErrorCode::denied, "acl",
     "the server's ACL forbids this user a key that our functions use; `khala-jobs redis-acl` prints what it needs"},
    {"ERR ACL failure in script", ErrorCode::denied, "acl",
     "the server's ACL forbids this user something that our functions do; `khala-jobs redis-acl` prints what it needs"},
    {"NOSCRIPT", ErrorCode::not_found, "library", "the server does not have our scripts (any more)"},
    {"ERR Function not found", ErrorCode::not_found, "library", "the server does not have our functions (any more)"},
    {"MOVED", ErrorCode::unsupported, "cluster", "the server is part of a cluster, which is not supported"},
    {"ASK", ErrorCode::unsupported, "cluster", "the server is part of a cluster, which is not supported"},
    {"CROSSSLOT", ErrorCode::unsupported, "cluster", "the server is part of a cluster, which is not supported"},
    {"ERR SELECT is not allowed in cluster mode", ErrorCode::unsupported, "cluster",
     "the server is part of a cluster, which is not supported"},
    {"ERR unknown command", ErrorCode::unsupported, "server",
     "the server does not know a command that is needed (Redis 7.0 or Valkey is)"},
    {"ERR unknown subcommand", ErrorCode::unsupported, "server",
     "the server does not know a command that is needed (Redis 7.0 or Valkey is)"},
    {"ERR DB index is out of range", ErrorCode::invalid_argument, "db",
     "the server has no database of this number (one of a cluster has 0 only)"},
    {"ERR invalid DB index", ErrorCode::invalid_argument, "db",
     "the server has no database of this number (one of a cluster has 0 only)"},
    {"WRONGTYPE", ErrorCode::corrupt, "key",
     "a foreign value stands where one of ours should be; `khala-jobs doctor` names it"},
});

}  // namespace

std::string printable(std::string_view text) {
    std::string clean{text.substr(0, kQuoteBytes)};
    constexpr unsigned char kFirstPrintable = 0x20;
    constexpr unsigned char kDelete = 0x7F;  // and above: what a server quotes need not be UTF-8
    std::ranges::replace_if(
        clean,
        [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte < kFirstPrintable || byte >= kDelete;
        },
        '?');
    while (!clean.empty() && clean.back() == ' ') {
        clean.pop_back();
    }
    return text.size() > kQuoteBytes ? clean.append("...") : clean;
}

Error classify(const Reply& reply) {
    const std::string_view text = reply.text();
    const auto* const found =
        std::ranges::find_if(kMeanings, [&](const Meaning& meaning) { return text.starts_with(meaning.word); });
    if (found == kMeanings.end()) {
        return Error{ErrorCode::internal, "server", "unexpected error reply: " + printable(text)};
    }
    return Error{found->code, std::string{found->field}, std::string{found->sentence} + ": " + printable(text)};
}

Error classify(const Reply& reply, std::string_view key) {
    Error error = classify(reply);
    if (error.code == ErrorCode::corrupt) {
        error.message =
            "a foreign value stands at " + std::string{key} + ", where one of ours should be: rename or delete it";
    }
    return error;
}

bool is_missing_library(const Reply& reply) noexcept {
    return reply.is_error() &&
           (reply.text().starts_with("NOSCRIPT") || reply.text().starts_with("ERR Function not found"));
}

bool is_without_functions(const Reply& reply) noexcept {
    return reply.is_error() && reply.text().starts_with("ERR unknown command 'FCALL'");
}

}  // namespace khala::store::redis
