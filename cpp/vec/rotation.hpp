// A centre and a few directions that hold most of the differences between the rows of one embedding model.
//
// The map x -> P (x / |x| - c), where P has orthonormal rows, never makes two rows farther apart than they are. That is
// all a join's exactness rests on, and it holds for every orthonormal P and every c; how much can be told from the
// result depends on how well they suit the rows. So a rotation fitted to one sample serves all later rows of the same
// model, at worst slowly, and is worth keeping: it is a value, two arrays of float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

inline constexpr std::size_t kWidthMax = 512;

struct Rotation {
    std::size_t dim = 0;
    std::size_t width = 0;     // 1..min(dim, kWidthMax)
    std::vector<float> basis;  // width + 1 rows of dim: the directions by falling importance, then the centre
    double deviation = 0;      // bound on the distance of P from a matrix with orthonormal rows
    double centre_square = 0;  // |c|^2

    [[nodiscard]] const float* centre() const noexcept { return basis.data() + width * dim; }
};

// The width that suits a join of rows of this dimension.
[[nodiscard]] std::size_t usual_width(std::size_t dim) noexcept;

// From at most some thousand rows of `side`, evenly taken: the same rows give the same rotation on the same processor.
// Errors: internal (out of memory).
[[nodiscard]] base::Result<Rotation> fit_rotation(const Side& side, std::size_t width, Isa isa);

// The same for all comparable rows of a matrix; width 0 is usual_width. Errors: also invalid_argument (field `matrix`)
// when there is no comparable row, or the shape is wrong.
[[nodiscard]] base::Result<Rotation> fit_rotation(const MatrixView& matrix, std::size_t width, Isa isa);

// From stored parts. Errors: invalid_argument (field `rotation`) for shapes that do not fit, values that are not finite
// and directions that are not orthonormal.
[[nodiscard]] base::Result<Rotation> make_rotation(std::size_t dim, std::span<const float> directions,
                                                   std::span<const float> centre);

// Rows of `width` + 1 floats: P x / |x| and c . x / |x| of the rows at positions[0], ..., or at first, first + 1, ...
// when `positions` is empty. `unit` holds count * dim floats.
void project(const Rotation& rotation, const Side& side, std::span<const std::uint32_t> positions, std::uint32_t first,
             std::size_t count, const KernelTable& kernels, float* unit, float* out);

}  // namespace khala::vec
