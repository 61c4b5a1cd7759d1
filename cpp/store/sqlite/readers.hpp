// Who reads the file at this moment, as the kernel knows it.
#pragma once

#include <string>
#include <vector>

namespace khala::store::sqlite {

// Processes with an open read transaction on a database in WAL mode, each as "1234 (name)", without this one. Found by
// their locks on the shared memory file beside the database; empty where the kernel does not list locks.
[[nodiscard]] std::vector<std::string> readers_of(const std::string& file);

}  // namespace khala::store::sqlite
