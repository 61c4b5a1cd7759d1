#include "vec/heap.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <span>

#if defined(__GLIBC__)
#include <malloc.h>
#include <sys/mman.h>
#endif

namespace khala::vec {
namespace {

#if defined(__GLIBC__)
struct Free {
    void operator()(void* piece) const noexcept {
        std::free(piece);  // NOLINT(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): see allocate()
    }
};

std::unique_ptr<void, Free> allocate(std::size_t bytes) noexcept {
    return std::unique_ptr<void, Free>{std::malloc(bytes)};  // NOLINT(cppcoreguidelines-no-malloc): that heap is meant
}

// malloc_trim() gives back free pages in the middle of every arena, but at the end of an arena only of the main
// thread's. So what is free there is taken in pieces, told to be empty, and freed: they become one again.
void give_back_end(std::size_t bytes) noexcept {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kPiece = 25 * kPage;            // below what malloc takes from the system each time
    std::array<std::unique_ptr<void, Free>, 640> pieces;  // 62 MiB
    const std::size_t count = std::min(pieces.size(), bytes / kPiece);
    for (auto& piece : std::span{pieces}.first(count)) {
        piece = allocate(kPiece);
        void* begin = piece.get();
        std::size_t room = kPiece;
        if (begin != nullptr && std::align(kPage, kPage, begin, room) != nullptr) {
            madvise(begin, room / kPage * kPage, MADV_DONTNEED);
        }
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
