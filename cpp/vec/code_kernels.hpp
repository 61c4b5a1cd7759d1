// Integer kernels on codes: see codes.hpp for what a code is. Compiled once per instruction set by the same rules as
// kernels.hpp, and of no influence on results: a kernel may only ever let through more pairs than it must.
//
// A code is a row of `slots` small integers q, |q| <= levels, stored as q + offset in a byte. Slots are taken four at a
// time ("groups"), which is what the widest instructions multiply at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace khala::vec {

// What encode needs to know of all rows alike.
struct CodeShape {
    std::size_t coordinates = 0;    // rotated coordinates kept of each row
    std::size_t first = 0;          // slots of the first stage, a multiple of 4; its last one holds the rest's length
    std::size_t slots = 0;          // of both stages, a multiple of 4, = first when there is one stage alone
    bool complete = false;          // the coordinates are all there are: nothing is left over behind the last stage
    float scale = 1;                // one step of a code
    float first_rest = 0;           // subtracted from the length of what the first stage leaves out
    float rest = 0;                 // and of what all coordinates leave out
    float rotation_error = 0;       // bound on the length of the error of a row's rotated coordinates
    float square_error = 0;         // bound on the error of the squared length of a centred row
    float centre_square = 0;        // squared length of the centre
    const float* centre = nullptr;  // rotated, `coordinates` of them
};

// Per row: the sum of its squared codes and a bound on the distance (in real units) of the code from what it stands
// for, for the first stage and for both.
struct CodeTerms {
    std::int32_t first_square;
    std::int32_t square;
    float first_error;
    float error;
};

// Rows of codes packed for `prune`: see pack_rows and pack_columns. All counts are of real rows; what the packing adds
// to fill tiles never survives.
struct PruneTile {
    const std::uint8_t* rows;
    const std::int32_t* row_terms;  // padded
    std::uint32_t row_count;
    const std::int8_t* columns;
    const std::int32_t* column_terms;  // padded
    std::uint32_t column_count;
    std::uint32_t groups;
};

struct Candidate {
    std::uint32_t column;
    std::uint32_t row;
};

inline constexpr std::uint32_t kColumnTile = 16;     // columns are packed by this many
inline constexpr std::int32_t kNeverTerm = 1 << 29;  // term of padding
inline constexpr std::int32_t kTermMax = 1 << 27;    // terms are clamped to [-2 kTermMax, kTermMax]
inline constexpr std::size_t kSlotsMax = 1024;       // keeps every sum of products below kTermMax / 2
inline constexpr std::size_t kCellStep = 16;         // cells come in multiples of this

// Candidates of the first stage against all slots.
struct RefineTask {
    const std::uint8_t* left;  // codes of the candidates' columns, `stride` bytes a row
    const std::int32_t* left_terms;
    const std::uint8_t* right;  // of the candidates' rows
    const std::int32_t* right_terms;
    std::size_t stride;
    std::size_t slots;
    std::size_t skipped;  // the slot that belongs to the first stage alone
};

struct CodeKernels {
    int offset;
    int levels;
    std::uint32_t row_tile;  // rows are packed by this many

    // projected: `coordinates` + 1 floats a row, the last one the row's product with the centre.
    void (*encode)(const float* projected, std::size_t rows, const CodeShape& shape, std::uint8_t* codes,
                   std::size_t stride, CodeTerms* terms);
    // Packs codes row `index[k]` (or first + k when index is null), k < count, the first `groups` groups of each.
    void (*pack_rows)(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
                      std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::uint8_t* out,
                      std::int32_t* out_terms);
    void (*pack_columns)(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
                         std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::int8_t* out,
                         std::int32_t* out_terms);
    // All (column, row) with q_column . q_row >= term_column + term_row, as places in the packed arrays; returns how
    // many. `out` has room for all pairs of the tile.
    std::size_t (*prune)(const PruneTile& tile, Candidate* out);
    // Keeps the candidates with q . q >= term + term over all slots but the skipped one, in their order.
    std::size_t (*refine)(const RefineTask& task, Candidate* candidates, std::size_t count);
    // Of rows of products with the centres of cells (cells.hpp): takes off half the squared length of each centre, in
    // place, and writes the cell with the highest score, the first of equals.
    void (*nearest_cells)(float* scores, std::size_t rows, std::size_t cells, const float* halves, std::uint16_t* own);
    // The other cells of each row with score + reach[own][cell] >= score of its own one, ascending, row after row;
    // how many of each row, and of all. `out` has room for rows * cells.
    std::size_t (*cells_in_reach)(const float* scores, std::size_t rows, std::size_t cells, const float* reach,
                                  const std::uint16_t* own, std::uint16_t* counts, std::uint16_t* out);
};

namespace baseline {
[[nodiscard]] const CodeKernels& code_kernels() noexcept;
}
namespace v3 {
[[nodiscard]] const CodeKernels& code_kernels() noexcept;
}
namespace v4 {
[[nodiscard]] const CodeKernels& code_kernels() noexcept;
}

}  // namespace khala::vec
