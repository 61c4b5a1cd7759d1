// The verb through which nearly everything goes: inserts, then moves, then a claim, in one transaction.
#pragma once

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Result<ExchangeReply> exchange(Write& write, const Exchange& request);

// Lets a test stop the process right before or right after the commit of such a request.
void pass_before_commit(const Exchange& request);
void pass_committed(const Exchange& request);

}  // namespace khala::store::sqlite
