#include "store/redis/arena.hpp"

#include <algorithm>
#include <utility>

namespace khala::store::redis {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10U;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
    constexpr std::size_t kUnit = alignof(std::max_align_t);
    return (bytes + kUnit - 1) / kUnit * kUnit;
}

}  // namespace

void* Arena::allocate(std::size_t bytes) {
    const std::size_t wanted = round_up(bytes);
    if (blocks_.empty() || blocks_.back().size - used_ < wanted) {
        const std::size_t size = std::max(wanted, kBlockBytes);
        blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
        reserved_ += size;
        used_ = 0;
    }
    void* const place = blocks_.back().memory.get() + used_;
    used_ += wanted;
    return place;
}

void Arena::reset() noexcept {
    // The first block is kept, unless one huge reply made it huge.
    if (blocks_.size() > 1) {
        blocks_.resize(1);
    }
    if (!blocks_.empty() && blocks_.front().size > kBlockBytes) {
        blocks_.clear();
    }
    reserved_ = blocks_.empty() ? 0 : blocks_.front().size;
    used_ = 0;
}

}  // namespace khala::store::redis
