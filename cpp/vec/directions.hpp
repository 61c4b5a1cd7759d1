// The directions along which rows differ most. Compiled by the rules of kernels.hpp, but for baseline and v3 only: they
// are milliseconds of a join, and every copy of the eigen-solver is half a minute of a build.
#pragma once

#include <cstddef>

namespace khala::vec {

// `covariance` is symmetric, dim x dim. `directions` holds `width` <= dim linearly independent rows of `dim` floats to
// start from, and afterwards orthonormal ones by falling energy: the leading eigenvectors as well as three rounds of
// subspace iteration find them. May throw std::bad_alloc.
using LeadingDirections = void (*)(const float* covariance, std::size_t dim, std::size_t width, float* directions);

namespace baseline {
void leading_directions(const float* covariance, std::size_t dim, std::size_t width, float* directions);
}
namespace v3 {
void leading_directions(const float* covariance, std::size_t dim, std::size_t width, float* directions);
}

}  // namespace khala::vec
