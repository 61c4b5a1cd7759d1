// One connection to the server, for requests and their replies. Belongs to one thread.
//
// A call is one write and as many replies as the request has commands; whatever goes wrong in between closes the
// connection, since a reply that comes late must never be taken for the answer to something else. The next call opens a
// new one: name look-up, TLS, greeting and the owner's greeter included. When to try again is the caller's decision.
//
// A call may also be made in two parts, post() and collect(), with others posted, or whole calls, in between: a server
// answers in the order in which it was asked, so whatever comes first belongs to what was posted first.
//
// Every wait ends: connecting after options.connect_ms, a silent server after options.silence_ms without a byte, and
// either when options.interrupt is set.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
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

    // The first half of a call: sends, and awaits nothing. Errors: as of call(); then nothing was posted.
    [[nodiscard]] Status post(const Request& request);
    // The second half: the replies to the earliest request that was posted and not collected. They are valid until the
    // next call or collect(). Errors: unknown_outcome or interrupted.
    [[nodiscard]] Result<std::span<const Reply>> collect();
    // What to poll for the replies to what was posted; -1 when there is no connection. Readable when some are here, or
    // it is lost.
    [[nodiscard]] int fd() const noexcept { return stream_.open() ? stream_.fd() : -1; }

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

    struct Posted {
        std::size_t count;           // of its replies
        std::vector<Reply> replies;  // all of them, when a call that came in between has taken them in
        bool lost = false;           // with the connection that it went by
    };

    [[nodiscard]] Status dial();
    [[nodiscard]] Status greet();
    [[nodiscard]] Status prepare();
    [[nodiscard]] Status take_in(Posted& posted);
    [[nodiscard]] Status take_in_all();
    void release();
    [[nodiscard]] bool still_good();
    [[nodiscard]] Status transact(const Request& request);
    [[nodiscard]] Status send_all(std::string_view bytes, std::size_t& sent);
    [[nodiscard]] Status await(std::size_t count, std::vector<Reply>& replies);
    [[nodiscard]] Error ended(Status outcome, bool maybe_done);
    void touch() noexcept;
    [[nodiscard]] Status send_some(std::string_view bytes, std::size_t& sent, int& events);
    [[nodiscard]] Status receive_some(int& events);
    // Until the descriptor is ready or deadline_ is over; then the error says `otherwise`.
    [[nodiscard]] Status wait(int fd, int events, std::string_view otherwise) const;
    // The connection was cut.
    [[nodiscard]] Status cut(std::string_view why) const;
    [[nodiscard]] Status lost(std::string_view why) const;

    RedisOptions options_;
    std::optional<TlsContext> tls_;
    Greeter greeter_;
    Stream stream_;
    Reader reader_;
    std::vector<Reply> replies_;  // of the call, or of what was collected
    std::deque<Posted> posted_;
    std::vector<char> room_;  // what is read at once
    Instant deadline_;        // of the wait under way
    Millis patience_ms_ = 0;  // how far deadline_ moves with every byte; 0 while connecting
    std::uint64_t connections_ = 0;
    bool greeting_ = false;
};

}  // namespace khala::store::redis
