#include "vec/heap.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>

#if defined(__GLIBC__)
#include <malloc.h>
#include <sys/mman.h>
#endif

namespace khala::vec {
namespace {

#if defined(__GLIBC__)
// malloc_trim() gives back free pages in the middle of every arena, but at the end of an arena only of the main
// thread's. So what is free there is taken in pieces, told to be empty, and freed: they become one again.
void give_back_end(std::size_t bytes) noexcept {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kPiece = 25 * kPage;  // below what malloc takes from the system each time
    std::array<void*, 640> pieces{};            // 62 MiB
    const std::size_t count = std::min(pieces.size(), bytes / kPiece);
    for (void*& piece : std::span{pieces}.first(count)) {
        piece = std::malloc(kPiece);  // NOLINT(cppcoreguidelines-no-malloc): it is malloc's own memory that is meant
        if (piece != nullptr) {
            const auto begin = (reinterpret_cast<std::uintptr_t>(piece) + kPage - 1) / kPage * kPage;
            const auto end = (reinterpret_cast<std::uintptr_t>(piece) + kPiece) / kPage * kPage;
            madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        }
    }
    for (void* piece : std::span{pieces}.first(count)) {
        std::free(piece);  // NOLINT(cppcoreguidelines-no-malloc)
    }
}
#endif

}  // namespace

void give_back_memory([[maybe_unused]] std::size_t elements) noexcept {
#if defined(__GLIBC__)
    constexpr std::size_t kWorthwhile = std::size_t{1} << 22U;
    if (elements >= kWorthwhile) {
        malloc_trim(0);
        give_back_end(elements * sizeof(float) / 2);
    }
#endif
}

}  // namespace khala::vec
