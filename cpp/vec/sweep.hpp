// The sweep looks at pairs of rows; what is kept of them is a sink's business.
//
//   plan_self / plan_cross   which pairs there are, as a list of blocks
//   sweep                    every block, tile by tile: rule pairs out by codes (codes.hpp), or scale rows to unit
//                            length, multiply and scan; hand over the hits
//   Sink                     decides (float64) and keeps: all pairs, the best k of a query, a minimum
//
// The one promise a sweep makes, and all a faster one would have to make: every pair of the plan whose cosine is at
// least `threshold` reaches exactly one sink exactly once. It may propose others: a hit is a float32 opinion, wrong by
// at most tolerance(dim), or one that the codes could not rule out.
//
// Nothing is copied but one tile at a time, so a sweep needs the rows themselves and a few MB a thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/isa.hpp"
#include "vec/kernels.hpp"
#include "vec/matrix.hpp"
#include "vec/progress.hpp"

namespace khala::vec {

inline constexpr int kThreadsMax = 64;

// How a kernel runs, as opposed to what it computes: none of this changes a result.
struct Execution {
    int threads = 1;  // 1..kThreadsMax, the calling thread included
    Isa isa = Isa::automatic;
    Progress* progress = nullptr;  // may be null; must outlive the call
};

// Position p stands for row order[p] of the matrix. Borrows everything.
struct Side {
    MatrixView matrix;
    std::span<const double> norms;  // by row
    std::span<const std::uint32_t> order;

    [[nodiscard]] const float* row(std::uint32_t position) const noexcept { return matrix.row(order[position]); }
    [[nodiscard]] double norm(std::uint32_t position) const noexcept { return norms[order[position]]; }
};

// All pairs of `lefts` left positions and `rights` right positions; a diagonal block has the same range on both sides
// and means the pairs left < right. The right positions of a listed block are not next to each other: see CellPlan.
struct Block {
    std::uint32_t first_left = 0;
    std::uint32_t lefts = 0;  // at most kTileRows
    std::uint32_t first_right = 0;
    std::uint32_t rights = 0;
    bool diagonal = false;
    bool listed = false;  // first_right and rights are places in a list

    [[nodiscard]] std::uint64_t pairs() const noexcept {
        return diagonal ? std::uint64_t{lefts} * (lefts - 1) / 2 : std::uint64_t{lefts} * rights;
    }
};

inline constexpr std::uint32_t kTileRows = 512;  // float32 products of one tile: 512 KB, half of a common L2
inline constexpr std::uint32_t kTileCols = 256;

// Group g holds positions [starts[g], starts[g + 1]). Pairs left < right within each group.
[[nodiscard]] std::vector<Block> plan_self(std::span<const std::size_t> starts);

// A rectangle: left positions [first, last) against right positions [first, last).
struct Rectangle {
    std::size_t first_left = 0;
    std::size_t last_left = 0;
    std::size_t first_right = 0;
    std::size_t last_right = 0;
};
[[nodiscard]] std::vector<Block> plan_cross(std::span<const Rectangle> rectangles);

[[nodiscard]] std::uint64_t pair_count(std::span<const Block> blocks) noexcept;

// Receives the hits of one thread, as positions. An error ends the whole sweep.
class Sink {
public:
    virtual ~Sink() = default;
    [[nodiscard]] virtual base::Status take(std::span<const Hit> hits) = 0;
};

// Bound on |float32 dot of two scaled rows - sim64| for any order of summation: gamma(d + 4), where
// gamma(n) = n u / (1 - n u) and u = 2^-24. d for the dot product itself, 2 for the rounding of the scaled elements
// of both rows, the rest for everything in float64.
[[nodiscard]] double tolerance(std::size_t dim) noexcept;

// The largest float that is safe to compare float32 products with: at most threshold - tolerance(dim).
[[nodiscard]] float sweep_cut(double threshold, std::size_t dim) noexcept;

struct SweepResult {
    std::uint64_t pairs = 0;       // looked at
    std::uint64_t hits = 0;        // handed to the sinks
    std::uint64_t coded = 0;       // pairs tested by their codes, including a few that a diagonal block does not count
    std::uint64_t candidates = 0;  // of these, that passed the first stage
    std::uint64_t survivors = 0;   // and all stages: they are hits
};

struct CodedSides;  // pruner.hpp
struct CellPlan;    // cells.hpp

// One thread for each sink. Blocks are claimed in order; which sink gets which block is not determined.
// With codes of both sides most pairs are ruled out by those, and float32 products are used only where codes tell
// too little; without, everywhere. With cells, which both sides must be ordered by, progress begins at what they rule
// out.
// Errors: interrupted (progress->cancelled), unsupported (isa), what a sink returned, internal (out of memory).
[[nodiscard]] base::Result<SweepResult> sweep(const Side& left, const Side& right, std::span<const Block> blocks,
                                              float cut, std::span<Sink* const> sinks, const Execution& execution,
                                              const CodedSides* coded = nullptr, const CellPlan* cells = nullptr);

}  // namespace khala::vec
