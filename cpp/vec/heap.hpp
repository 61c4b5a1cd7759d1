// What a step of a join frees goes back to the system. Not for other folders.
#pragma once

#include <cstddef>

namespace khala::vec {

// glibc keeps what is freed for the thread that freed it, so steps that each need a tenth of the matrix for themselves
// would add up. `elements` of the matrix at hand: of a small one the time is worth more than the memory.
void give_back_memory(std::size_t elements) noexcept;

}  // namespace khala::vec
