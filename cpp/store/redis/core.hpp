// What the verbs of the store work on: the connection, the library on the server, and the clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/host/fork.hpp"
#include "store/redis/codec.hpp"
#include "store/redis/library.hpp"
#include "store/redis/link.hpp"
#include "store/redis/options.hpp"
#include "store/redis/probe.hpp"
#include "store/redis/reply.hpp"
#include "store/redis/request.hpp"

namespace khala::store::redis {

// The server's wall clock, as far as its answers tell; leases are measured by the server itself, so lease_ms is this
// machine's own and only good for waiting. Safe from any thread.
class ServerClock final : public Clock {
public:
    [[nodiscard]] Millis wall_ms() const override { return lease_ms() + ahead_ms_.load(std::memory_order_acquire); }
    [[nodiscard]] Millis lease_ms() const override { return SystemClock::instance().lease_ms(); }
    [[nodiscard]] std::string_view boot_id() const override { return SystemClock::instance().boot_id(); }

    // The server said `wall_ms` in an answer that was waited for from `asked` until now (lease_ms of this machine).
    void heard(Millis wall_ms, Millis asked) noexcept;

private:
    std::atomic<Millis> ahead_ms_{SystemClock::instance().wall_ms() - SystemClock::instance().lease_ms()};
    Millis uncertainty_ms_ = 1'000;  // of the thread that calls heard()
};

class Core {
public:
    explicit Core(const RedisOptions& options);

    [[nodiscard]] Status connect();

    // Runs a function of the library with what was packed; loads the library when the server has it no more. The reply
    // is no error and valid until the next call. Errors besides those of the connection and of classify(): the probe's
    // refusal of an enqueue; unknown_outcome when replicas were to confirm and did not.
    [[nodiscard]] Result<Reply> run(Function function, const Packer& packed);
    // The same in two parts, with other calls in between: post() sends, take() has the reply to the earliest that was
    // posted. `packed` is the same for both.
    struct Posted {
        Function function;
        Millis asked;  // lease_ms of this machine
    };
    [[nodiscard]] Result<Posted> post(Function function, const Packer& packed);
    [[nodiscard]] Result<Reply> take(const Posted& posted, const Packer& packed);
    [[nodiscard]] int fd() const noexcept { return link_->fd(); }
    // One plain command, its key behind its name.
    [[nodiscard]] Result<Reply> command(std::initializer_list<std::string_view> arguments);

    // Plain commands, all at once. The replies may be errors, and are valid until the next call.
    [[nodiscard]] Result<std::span<const Reply>> ask(const Request& request);

    [[nodiscard]] std::string key(std::string_view name) const { return keys_ + std::string{name}; }
    [[nodiscard]] const Clock& clock() const noexcept;
    void heard(Millis wall_ms) noexcept { server_clock_.heard(wall_ms, asked_ms_); }
    [[nodiscard]] const RedisOptions& options() const noexcept { return options_; }
    [[nodiscard]] const Probe& probe() const noexcept { return probe_; }
    [[nodiscard]] const Library& library() const noexcept { return library_; }

private:
    [[nodiscard]] Status check_fork() const;
    [[nodiscard]] Status admit(Function function);
    [[nodiscard]] Result<Reply> call(bool confirmed = false);
    [[nodiscard]] Result<Reply> with_library(Function function, const Packer& packed, Reply reply);
    [[nodiscard]] Status load_library();
    [[nodiscard]] Status load_scripts();
    void compose(Function function, std::string_view packed);
    // Whether the answer promises something.
    [[nodiscard]] bool is_promise(Function function) const noexcept;

    RedisOptions options_;
    Probe probe_{options_};
    std::string keys_;  // "{prefix}:"
    Library library_;
    std::unique_ptr<Link> link_;
    Request request_;
    ServerClock server_clock_;
    std::uint64_t fork_generation_ = host::fork_generation();
    Millis asked_ms_ = 0;
    std::vector<std::string> script_hashes_;  // by Function; empty where the server has Functions
};

// An element of an array; nil when there is none.
[[nodiscard]] Reply part(const Reply& array, std::size_t index) noexcept;

// For a reply that is not what our functions answer.
[[nodiscard]] Error odd_reply(std::string_view what);

}  // namespace khala::store::redis
