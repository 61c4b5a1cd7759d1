// The part of a sweep that works on codes: which pairs of a block the codes cannot rule out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "vec/codes.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

// Codes of both sides of a sweep, by position, with their terms for its threshold. Borrows everything.
struct CodedSide {
    const Codes* codes = nullptr;
    const NearTerms* terms = nullptr;
};
struct CodedSides {
    const CodeModel* model = nullptr;
    CodedSide left;
    CodedSide right;
    // When float32 products are cheaper for a chunk: what they would cost more than the first stage, by pair, and what
    // becomes of the pairs that pass it, all in the same unit.
    double spare = std::numeric_limits<double>::infinity();
    double candidate_cost = 0;
    double survivor_cost = 0;
};

// Rights of one chunk: a multiple of every row tile.
inline constexpr std::uint32_t kPruneRows = 120;

struct PruneCounts {
    std::uint64_t pairs = 0;       // tested by codes
    std::uint64_t candidates = 0;  // of these, that passed the first stage
    std::uint64_t survivors = 0;   // and all stages
};

// One thread's buffers. Blocks as in sweep.hpp.
class Pruner {
public:
    // `lefts`: the most left positions that any block has.
    Pruner(const CodedSides& sides, std::uint32_t lefts);

    // Takes up the left positions of a block.
    void load(std::uint32_t first_left, std::uint32_t lefts);

    // Survivors among the pairs of the loaded positions and [first_right, first_right + rights), rights <= kPruneRows;
    // of a diagonal block those with left < right. Valid until the next call.
    [[nodiscard]] std::span<Hit> survivors(std::uint32_t first_right, std::uint32_t rights, bool diagonal);

    // The same for these right positions, at most kPruneRows.
    [[nodiscard]] std::span<Hit> survivors(std::span<const std::uint32_t> rights);

    // Whether more pairs of the last chunk passed than pay.
    [[nodiscard]] bool swamped() const noexcept { return swamped_; }
    [[nodiscard]] const PruneCounts& counts() const noexcept { return counts_; }

private:
    // The first stage for `count` right positions, from `first` on or those of `index`: how many candidates there are,
    // as places in the two.
    std::size_t test(std::uint32_t first, std::uint32_t count, const std::uint32_t* index);
    // The second for the first `kept` of the candidates that passed, positions by now; of so many pairs, and tests.
    std::span<Hit> refined(std::size_t passed, std::size_t kept, std::uint64_t pairs, std::uint64_t tested);

    const CodedSides& sides_;
    const CodeKernels& kernels_;
    std::uint32_t groups_;
    std::uint32_t first_left_ = 0;
    std::uint32_t lefts_ = 0;
    bool swamped_ = false;
    PruneCounts counts_;
    std::unique_ptr<std::int8_t[]> columns_;
    std::unique_ptr<std::int32_t[]> column_terms_;
    std::unique_ptr<std::uint8_t[]> rows_;
    std::unique_ptr<std::int32_t[]> row_terms_;
    std::unique_ptr<Candidate[]> candidates_;
    std::unique_ptr<Hit[]> hits_;
};

}  // namespace khala::vec
