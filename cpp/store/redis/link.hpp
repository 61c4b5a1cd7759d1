// One connection to the server, for requests and their replies. Belongs to one thread.
//
// A call is one write and as many replies as the request has commands; whatever goes wrong in between closes the
// connection, since a reply that comes late must never be taken for the answer to something else. The next call opens a
// new one: name look-up, TLS, greeting and the owner's greeter included. When to try again is the caller's decision.
//
// Every wait ends: connecting after options.connect_ms, a silent server after options.silence_ms without a byte, and
// either when options.interrupt is set.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/redis/dialer.hpp"
#include "store/redis/options.hpp"
#include "store/redis/reader.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/request.hpp"
#include "store/redis/stream.hpp"
#include "store/redis/tls.hpp"

namespace khala::store::redis {

class Link {
public:
    // Runs on every new connection, before the request that made it necessary; may call(). Its error is the outcome of
    // that request, which was not sent.
    using Greeter = std::function<Status(Link&)>;

    // Connects at once. Errors: unavailable, denied, unsupported (what answers is no Redis), invalid_argument (a TLS
    // file, a database number), interrupted, and the greeter's.
    [[nodiscard]] static Result<std::unique_ptr<Link>> connect(const RedisOptions& options, Greeter greeter = {});

    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    // One reply for each command, valid until the next call. Error replies are replies: see classify().
    // Errors: unavailable or interrupted (nothing was executed), unknown_outcome (it may have been executed, and the
    // reply is lost), and those of connect() when a new connection was needed.
    [[nodiscard]] Result<std::span<const Reply>> call(const Request& request);

    // Opens the connection if there is none. Errors: as of connect().
    [[nodiscard]] Status ensure();
    void close() noexcept;

    [[nodiscard]] bool connected() const noexcept { return stream_.open(); }
    // How many connections there have been; a change tells that the server may have been another one meanwhile.
    [[nodiscard]] std::uint64_t connections() const noexcept { return connections_; }
    [[nodiscard]] const RedisOptions& options() const noexcept { return options_; }

private:
    using Instant = std::chrono::steady_clock::time_point;

    Link(RedisOptions options, std::optional<TlsContext> tls, Greeter greeter);

    [[nodiscard]] Status dial();
    [[nodiscard]] Status greet();
    [[nodiscard]] bool still_good();
    [[nodiscard]] Status transact(const Request& request);
    [[nodiscard]] Status send_some(std::string_view bytes, std::size_t& sent, int& events);
    [[nodiscard]] Status receive_some(std::size_t wanted, int& events);
    // Until the descriptor is ready or deadline_ is over; then the error says `otherwise`.
    [[nodiscard]] Status wait(int fd, int events, std::string_view otherwise) const;
    [[nodiscard]] Status lost(std::string_view why) const;

    RedisOptions options_;
    std::optional<TlsContext> tls_;
    Greeter greeter_;
    Stream stream_;
    Reader reader_;
    std::vector<Reply> replies_;
    std::vector<char> room_;  // what is read at once
    Instant deadline_;        // of the wait under way
    Millis patience_ms_ = 0;  // how far deadline_ moves with every byte; 0 while connecting
    std::uint64_t connections_ = 0;
    bool greeting_ = false;
};

}  // namespace khala::store::redis
