// What must not survive fork(); see host/fork.hpp.
#pragma once

#include "store/host/fork.hpp"

namespace khala::store::sqlite {

using host::fork_generation;
using host::ForkClosedFd;

}  // namespace khala::store::sqlite
