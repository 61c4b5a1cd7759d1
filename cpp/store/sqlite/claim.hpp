// Claiming: what is due becomes ready, what is overdue expires, and the best of the ready jobs are leased.
#pragma once

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

// Fills leases, damaged, expired and more of the reply.
[[nodiscard]] Status claim(Write& write, const Claim& request, ExchangeReply& reply);

}  // namespace khala::store::sqlite
