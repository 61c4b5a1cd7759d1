// Leases between claim and settlement: renewed by their holders, found when they ran out.
#pragma once

#include <span>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Result<std::vector<Renewed>> renew(Write& write, std::span<const Renewal> renewals, Millis lease_ms);
// The same without extending anything or noting progress: only asks.
[[nodiscard]] Result<std::vector<Renewed>> ask(Core& core, std::span<const Renewal> renewals);

// In a read transaction. Leases of the dead at once; leases that ran out unless a writer was held up just now, and with
// it everybody's renewals.
[[nodiscard]] Result<std::vector<Lapse>> lapsed(Core& core, int limit);

// Whether there are leases of this holder; true also where that cannot be told.
[[nodiscard]] bool may_have_leases(Core& core, Holder holder);

}  // namespace khala::store::sqlite
