// Memory for one batch of replies: handed out in small pieces, taken back all at once.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace khala::store::redis {

class Arena {
public:
    // Aligned for any object. Valid until reset().
    [[nodiscard]] void* allocate(std::size_t bytes);
    // Everything is free again. Keeps one block for the next batch.
    void reset() noexcept;
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_; }

private:
    struct Block {
        std::unique_ptr<std::byte[]> memory;
        std::size_t size = 0;
    };
    std::vector<Block> blocks_;
    std::size_t used_ = 0;  // of the last block
    std::size_t reserved_ = 0;
};

}  // namespace khala::store::redis
