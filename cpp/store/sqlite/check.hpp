// Whether the store is what it should be, and putting right what can be.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

// One line for every violation of an invariant; looks at every row. In a read transaction.
[[nodiscard]] Result<std::vector<std::string>> check(Core& core);

// After an index was found not to agree with its table, which a flipped bit in an indexed column does: makes the
// indexes anew, sets every damaged job that is not closed apart, and counts the tallies. The jobs that were set apart.
[[nodiscard]] Result<std::vector<JobRow>> repair(Write& write);

}  // namespace khala::store::sqlite
