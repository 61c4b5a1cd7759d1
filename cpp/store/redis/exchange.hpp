// exchange(): one call of the server for everything that needs no decision.
//
// Decisions are made here, never in Lua (store.hpp: a store knows how to move a job, never why). So the server stops
// where one is needed, with nothing of that step written, and is called again with what was decided: for a move that
// comes late or meets a request to stop, for jobs that are overdue, for a row that is damaged. Each call is atomic and
// leaves every job in one state.
#pragma once

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/redis/held.hpp"
#include "store/redis/pack.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

// `terms`: of its claim. Errors: of the connection; unknown_outcome also when a later call of several failed.
[[nodiscard]] Result<ExchangeReply> exchange(Core& core, HeldLeases& held, const Exchange& request,
                                             const ClaimTerms& terms);

}  // namespace khala::store::redis
