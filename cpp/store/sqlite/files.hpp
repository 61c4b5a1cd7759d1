// Small private files of the store's directory; see host/files.hpp.
#pragma once

#include "store/host/files.hpp"

namespace khala::store::sqlite {

using host::io_error;
using host::Mapping;
using host::open_private;
using host::reserve;

}  // namespace khala::store::sqlite
