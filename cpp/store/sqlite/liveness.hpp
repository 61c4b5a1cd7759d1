// Who is alive, who had entered a handler, and who is to blame; see host/liveness.hpp. The files are in the store's
// directory and made, and stale ones removed, under the writer lock only.
#pragma once

#include "store/host/liveness.hpp"
#include "store/sqlite/files.hpp"
#include "store/sqlite/fork.hpp"

namespace khala::store::sqlite {

using host::Holder;
using host::HolderState;
using host::Liveness;
using host::mark_explained;
using host::Neighbours;

}  // namespace khala::store::sqlite
