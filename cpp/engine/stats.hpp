// Counters of one engine, written by its thread and read by anybody.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace khala::engine {

struct Stats {
    using Counter = std::atomic<std::int64_t>;

    Counter inserted{0};       // jobs stored (not those that existed)
    Counter claims{0};         // leases taken
    Counter settles{0};        // moves applied that end a run
    Counter lost{0};           // settlements refused because the lease was gone
    Counter commits{0};        // exchanges that succeeded
    Counter renewals{0};       // leases extended
    Counter store_queries{0};  // verbs called on the store, of every kind
    Counter store_errors{0};   // of them, how many failed
    Counter reaped{0};         // leases of others taken back
    Counter pruned{0};         // closed rows removed
    Counter store_resets{0};   // times the contents of the store were found gone
    Counter damaged{0};        // rows found damaged by a claim
    Counter timeouts{0};       // hard timeouts settled here
    Counter stuck{0};          // handlers that outlived their hard timeout by kStuckMs
    Counter native_runs{0};
    Counter running{0};           // leases held now
    Counter max_renew_gap_ms{0};  // longest time between two renewals while leases were held
    Counter max_store_call_ms{0};
    Counter last_claim_ms{0};  // duration of the last exchange that claimed

    // Only the engine's thread writes, so a plain store is enough.
    static void raise(Counter& maximum, std::int64_t value) noexcept {
        maximum.store(std::max(value, maximum.load(std::memory_order_relaxed)), std::memory_order_relaxed);
    }
};

}  // namespace khala::engine
