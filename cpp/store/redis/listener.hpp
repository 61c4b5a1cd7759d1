// The second connection: what the server pushes (PUBLISH) to the channels that we subscribed to.
//
// Nothing here blocks, and nothing needs a thread: the owner polls fd() beside its other descriptors and calls drain()
// when it is readable. fd() stays the same for the listener's life, whatever becomes of the connection. A connection
// that ends, or that says nothing for kSilenceMs and does not answer a PING either, is replaced by itself, first at
// once and then with growing, jittered pauses of at most kPauseMostMs.
//
// Messages sent while there was no connection are gone; Heard::rejoined tells that there was such a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/rng.hpp"
#include "base/unique_fd.hpp"
#include "store/redis/dialer.hpp"
#include "store/redis/options.hpp"
#include "store/redis/reader.hpp"
#include "store/redis/stream.hpp"
#include "store/redis/tls.hpp"

namespace khala::store::redis {

struct Message {
    std::string channel;
    std::string payload;
};

struct Heard {
    std::vector<Message> messages;
    bool rejoined = false;  // a subscription has just begun, also for the first time: look for what was missed before
};

class Listener {
public:
    static constexpr Millis kPingAfterMs = 5'000;
    static constexpr Millis kSilenceMs = 8'000;
    static constexpr Millis kPauseMostMs = 500;

    // Begins to connect. Errors: invalid_argument (a TLS file), io (no descriptors left).
    [[nodiscard]] static Result<std::unique_ptr<Listener>> open(const RedisOptions& options,
                                                                std::vector<std::string> channels);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Readable when drain() has something to do.
    [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
    [[nodiscard]] Heard drain();

    // Takes effect at once where connected, otherwise with the next connection. The last channel stays.
    void subscribe(const std::string& channel);
    void unsubscribe(const std::string& channel);

    // Whether every channel is subscribed to on a live connection.
    [[nodiscard]] bool joined() const noexcept { return phase_ == Phase::joined && pending_joins_ == 0; }
    // Why there is no connection; empty before the first failure and while joined.
    [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

private:
    using Instant = std::chrono::steady_clock::time_point;
    enum class Phase : std::uint8_t {
        pausing,  // until next_
        dialing,
        greeting,  // until its replies are there
        joined,
    };

    Listener(RedisOptions options, std::optional<TlsContext> tls, base::UniqueFd epoll, base::UniqueFd timer);

    void step(Heard& heard);
    [[nodiscard]] bool dial();
    [[nodiscard]] bool flush();
    [[nodiscard]] bool listen(Heard& heard);
    [[nodiscard]] bool take(const Reply& reply, Heard& heard);
    [[nodiscard]] bool keep_alive(Instant now);
    [[nodiscard]] bool read_all(Heard& heard);
    void greet();
    void send_command(std::string_view name, std::string_view argument);
    void drop(Error error);
    void drop(std::string_view why);
    void watch(Wait wait);
    void set_timer(Instant when);

    RedisOptions options_;
    std::optional<TlsContext> tls_;
    base::UniqueFd epoll_;
    base::UniqueFd timer_;
    std::set<std::string, std::less<>> channels_;
    base::Rng rng_;

    Phase phase_ = Phase::pausing;
    std::optional<Dialer> dialer_;
    Stream stream_;
    Reader reader_;
    std::string unsent_;
    std::size_t greetings_left_ = 0;  // replies to the greeting that are not there yet
    int pending_joins_ = 0;           // SUBSCRIBE commands without an answer
    Instant next_;                    // end of the pause, or of the patience with a connection under way
    Instant heard_at_;
    bool pinged_ = false;
    Millis pause_ms_ = 0;
    Wait watched_;
    std::optional<Error> error_;
};

}  // namespace khala::store::redis
