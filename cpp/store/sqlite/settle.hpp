// Settling: the moves that holders of leases, reapers and the engine bring.
#pragma once

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

[[nodiscard]] Result<Moved> settle(Write& write, const Move& move);

}  // namespace khala::store::sqlite
