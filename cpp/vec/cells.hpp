// Cells: rows by the nearest of some centres, so that whole cells can be told to be too far apart.
//
// A rotation's coordinates p(x) of a row never lie farther apart than the rows do (rotation.hpp). For a row x of the
// cell of centre a, and another centre b, let h(x; a, b) be the distance of p(x) from the plane half way between a and
// b, positive on the side of a. The distances of x from that plane and of y, of the cell of b, lie along one line, so
//
//     h(x; a, b) + h(y; b, a) <= |p(x) - p(y)| <= |x - y| <= delta = sqrt(2 - 2 t)
//
// for every pair that a join at t looks for, wherever the centres are. Hence one of the two terms is at most delta / 2:
// a pair of two cells is looked at only where one of its rows is within half of delta of the other's cell. What a row
// is near to is known from that row alone, so it takes one pass, and the rows near a cell meet all of its rows, which
// are next to each other by then.
//
// With scores s(x; b) = p(x) . b - |b|^2 / 2 that is s(x; a) - s(x; b) <= |a - b| delta / 2, the test that is made,
// with the errors of float32 on the right side of it. Cells change what is looked at, never what is found.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/code_kernels.hpp"
#include "vec/codes.hpp"
#include "vec/kernels.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

inline constexpr std::size_t kCellsMax = 4096;

struct CellModel {
    std::size_t cells = 0;       // a multiple of kCellStep
    std::size_t width = 0;       // floats of a centre
    std::vector<float> centres;  // as rows of Projected; the last float of each is 0
    std::vector<float> halves;   // |b|^2 / 2
    std::vector<float> reach;    // cells x cells: how far the score may be below that of the own cell
};

// Scores of rows of Projected with every cell of a model, and the own cell of each: of one thread.
class CellScores {
public:
    CellScores(const CellModel& model, Isa isa, std::size_t rows_max);

    void score(const float* projected, std::size_t rows);

    [[nodiscard]] std::span<const std::uint16_t> own() const noexcept { return {own_.get(), rows_}; }
    // After score(): the cells that rows are near to, row after row, and how many of each; valid until the next call.
    struct Near {
        std::span<const std::uint16_t> counts;
        std::span<const std::uint16_t> cells;
    };
    [[nodiscard]] Near near();

private:
    const CellModel& model_;
    const KernelTable& kernels_;
    const CodeKernels& code_kernels_;
    std::size_t rows_ = 0;
    std::unique_ptr<float[]> scores_;
    std::unique_ptr<std::uint16_t[]> own_;
    std::unique_ptr<std::uint16_t[]> counts_;
    std::unique_ptr<std::uint16_t[]> cells_;
};

// Centres by some rounds of k-means from evenly taken rows of the sample, which must not be empty: the same sample
// gives the same centres on one instruction set. `cells` is a multiple of kCellStep, at most kCellsMax. Errors:
// internal (out of memory).
[[nodiscard]] base::Result<CellModel> train_cells(const Projected& sample, std::size_t cells, Isa isa, int threads);

// For pairs at most `distance` apart, of rows whose coordinates are wrong by at most `error`.
void set_reach(CellModel& model, double distance, double error, Isa isa);

// What rows are near to, by position, collected while they are encoded.
class CellRows {
public:
    // At most `limit` places near cells are kept.
    CellRows(const CellModel& model, Isa isa, std::size_t rows, std::uint64_t limit);

    // Of rows [begin, end), one piece of encode_rows. Thread-safe.
    void add(std::size_t begin, std::size_t end, const float* projected);

    // There were too many: nothing else may be asked.
    [[nodiscard]] bool too_many() const noexcept { return kept_.load(std::memory_order_relaxed) > limit_; }
    [[nodiscard]] std::size_t cells() const noexcept { return model_.cells; }
    [[nodiscard]] std::uint16_t own(std::size_t row) const noexcept { return own_[row]; }
    [[nodiscard]] std::span<const std::uint16_t> near(std::size_t row) const noexcept;

private:
    const CellModel& model_;
    Isa isa_;
    std::uint64_t limit_;
    std::atomic<std::uint64_t> kept_{0};
    std::vector<std::uint16_t> own_;
    std::vector<std::uint32_t> ends_;  // of each row's cells within its piece
    std::vector<std::vector<std::uint16_t>> pieces_;
};

// A self join by cells. Positions are those of `order`.
struct CellPlan {
    std::vector<std::uint32_t> order;   // rows by position: cell after cell within each group that has cells
    std::vector<std::uint32_t> before;  // the position that each had before
    std::vector<std::uint32_t> starts;  // first positions of all cells, ascending, and the end of the last one
    std::vector<std::size_t> first;     // of the rows near each cell, in `listed`, and the end of the last one
    std::vector<std::uint32_t> listed;  // positions of rows near a cell, ascending within each
    std::vector<Block> blocks;          // some of them `listed`
    std::uint64_t pairs = 0;            // that there are
    std::uint64_t ruled_out = 0;        // of these, in no block

    // Whether the pair of a listed block, `left` of its cell and `right` of its list, is in another block as well that
    // is to report it: of two rows that are each near the other's cell, the block of the lower cell does.
    [[nodiscard]] bool elsewhere(std::uint32_t left, std::uint32_t right) const noexcept;
};

// Groups of fewer rows than this have no cells.
inline constexpr std::size_t kCellGroupRows = 16384;

// `starts` as in plan_self. Groups of at least `least` rows are taken apart by their cells.
[[nodiscard]] CellPlan plan_cells(const CellRows& rows, std::span<const std::uint32_t> order,
                                  std::span<const std::size_t> starts, std::size_t least);

// Puts the codes of `before[p]` at position p, for all p: a permutation.
void reorder(Codes& codes, std::span<const std::uint32_t> before);

}  // namespace khala::vec
