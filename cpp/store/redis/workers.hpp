// Leases and workers. Errors: of the connection, and of the request.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

[[nodiscard]] Result<std::vector<Renewed>> renew(Core& core, std::span<const Renewal> renewals, Millis lease_ms);

struct KnownWorker {
    WorkerInfo info;
    std::int64_t holder = 0;  // of the process that announced it
    Millis silent_ms = 0;     // since it was seen, on the server's clock
};
// What is kept of a worker, behind the two times of its last sign of life.
[[nodiscard]] std::string encode_worker(const WorkerInfo& worker, std::int64_t holder);
[[nodiscard]] Status announce(Core& core, const WorkerInfo& worker, std::int64_t holder);
[[nodiscard]] Status retire(Core& core, const std::string& worker);
// By id, those that are not forgotten.
[[nodiscard]] Result<std::vector<KnownWorker>> known_workers(Core& core);

// A lease and the process that it was given to.
struct HeldLease {
    Lease lease;  // without payload and headers
    std::int64_t holder = 0;
};
// By lease_until: those that ran out.
[[nodiscard]] Result<std::vector<HeldLease>> lapsed_leases(Core& core, int limit);
// Every lease of these processes.
[[nodiscard]] Result<std::vector<HeldLease>> leases_of(Core& core, std::span<const std::int64_t> holders);

// `live`: the workers whose knowledge counts.
[[nodiscard]] Result<std::vector<Lease>> unroutable(Core& core, std::span<const std::string> queues, int limit,
                                                    std::span<const WorkerInfo> live);

}  // namespace khala::store::redis
