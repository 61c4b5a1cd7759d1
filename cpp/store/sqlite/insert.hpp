// Enqueue: a group of jobs goes in whole or not at all.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "store/sqlite/write.hpp"
#include "store/store.hpp"

namespace khala::store::sqlite {

// One verdict a job, then one a row. The group is all in or all out within the transaction; an error spoils that.
[[nodiscard]] Result<std::vector<Inserted>> insert_group(Write& write, const InsertGroup& group);

}  // namespace khala::store::sqlite
