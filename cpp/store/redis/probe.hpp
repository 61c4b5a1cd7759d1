// Is the server what it must be? Asked at every new connection and once a minute.
//
// At the first meeting everything that makes a server unfit is a refusal. Later a server that lost its safety (an
// eviction policy was set, persistence was turned off) gets no new jobs, while those that run are still settled: see
// refusal(). A server whose contents are gone is noticed by the epoch, a random word that the first one to come writes
// into the namespace; resets() counts.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/redis/facts.hpp"
#include "store/redis/link.hpp"
#include "store/redis/options.hpp"

namespace khala::store::redis {

// Of what lies in the keys. Another number: what this version writes, an older one cannot read, or the other way round.
inline constexpr int kLayout = 3;

class Probe {
public:
    static constexpr Millis kEveryMs = base::kMinuteMs;

    // `options` outlive the probe.
    explicit Probe(const RedisOptions& options) : options_{options} {}

    // For Link's greeter. Errors: as of check_server() and append_rights(), at the first meeting check_safety(), too.
    [[nodiscard]] Status meet(Link& link);
    // The same on a connection that stands, when a minute is over; otherwise nothing. What is unfit is a refusal() now.
    // Errors: of the connection only.
    [[nodiscard]] Status recheck(Link& link);

    // Why new jobs must be refused; nothing while all is well.
    [[nodiscard]] const std::optional<Error>& refusal() const noexcept { return refusal_; }
    [[nodiscard]] const ServerFacts& facts() const noexcept { return facts_; }
    [[nodiscard]] Durability durability() const { return durability_in_force(facts_, options_); }
    // Of the namespace: a word that no other has. Empty where it could not be written yet.
    [[nodiscard]] const std::string& epoch() const noexcept { return epoch_; }
    // How often the contents of the store were found gone.
    [[nodiscard]] std::int64_t resets() const noexcept { return resets_; }
    // Pairs for StoreInfo::details.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> describe() const;

private:
    [[nodiscard]] Status look(Link& link);
    [[nodiscard]] Status compare_epoch(Link& link);

    const RedisOptions& options_;
    ServerFacts facts_;
    std::string epoch_;  // empty before the first meeting, or where it could not be written
    std::optional<Error> refusal_;
    std::int64_t resets_ = 0;
    Millis next_ms_ = 0;  // lease time of this machine
    bool has_met_ = false;
};

// --- replicated(n) ----------------------------------------------------------------------------------------------

// Whether writes have to be followed by the server's word that the replicas have them.
[[nodiscard]] bool wants_replicas(const RedisOptions& options) noexcept;
// WAIT, one command and one reply more. Put after what is to be acknowledged.
void append_wait(Request& request, const RedisOptions& options);
// Errors: unknown_outcome, when too few replicas have confirmed in time: the primary has it, a failover may lose it.
[[nodiscard]] Status check_wait(const Reply& reply, const RedisOptions& options);

}  // namespace khala::store::redis
