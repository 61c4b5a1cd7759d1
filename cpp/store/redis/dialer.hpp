// From options to a connected stream, in steps that never block: name look-up, connection (each address of the name in
// turn), TLS handshake. Link waits for it with poll(), Listener lets its owner's event loop do so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/redis/options.hpp"
#include "store/redis/resolver.hpp"
#include "store/redis/stream.hpp"
#include "store/redis/tls.hpp"

namespace khala::store::redis {

// What an object that cannot go on now waits for. fd -1: nothing.
struct Wait {
    int fd = -1;
    bool write = false;  // for room to write; otherwise for something to read
};

class Dialer {
public:
    enum class State : std::uint8_t { working, ready, failed };

    // `options` and `context` (nullptr without TLS) outlive the dialer.
    Dialer(const RedisOptions& options, const TlsContext* context);

    // Does what can be done now. Call again when wait() is met. `failed` is final.
    [[nodiscard]] State advance();
    [[nodiscard]] Wait wait() const noexcept { return wait_; }
    // What it is waiting for, to be told when the time is over.
    [[nodiscard]] std::string_view doing() const noexcept;
    // Of `failed`: unavailable (address, refusal, certificate), with the server's place in the sentence.
    [[nodiscard]] const Error& error() const noexcept { return *error_; }
    // The stream, once, when `ready`.
    [[nodiscard]] Stream take() noexcept { return std::move(stream_); }

private:
    enum class Step : std::uint8_t { start, resolving, connecting, securing, ready, failed };

    // Each does one step and says whether the next can be tried at once.
    bool begin();
    bool resolve();
    bool connect_next();
    bool check_connection();
    bool secure();
    bool fail(Error error);
    bool give_up_address(std::string reason);

    const RedisOptions& options_;
    const TlsContext* context_;
    Step step_ = Step::start;
    std::optional<Resolver> resolver_;
    std::vector<Address> addresses_;
    std::size_t next_address_ = 0;
    Stream stream_;
    Wait wait_;
    std::string reason_;  // why the latest address failed
    std::optional<Error> error_;
};

}  // namespace khala::store::redis
