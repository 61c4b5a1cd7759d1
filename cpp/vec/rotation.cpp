#include "vec/rotation.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "vec/collapse.hpp"
#include "vec/invalid.hpp"
#include "vec/isa.hpp"
#include "vec/sim64.hpp"

namespace khala::vec {
namespace {

// The sample is taken in tiles, and the covariance summed in strips: a sample held whole would be a tenth of the matrix
// that it stands for.
constexpr std::size_t kSampleRows = 2048;
constexpr std::size_t kSampleTile = 256;
constexpr std::size_t kLoadedRows = 64;
constexpr std::size_t kStripRows = 64;

// Directions are mixed within blocks of this many, so that their codes use the same range: a Hadamard matrix.
constexpr std::size_t kMixed = 16;

// Larger deviations come from damage, not from rounding.
constexpr double kDeviationMax = 1e-3;

void mix(float* directions, std::size_t width, std::size_t dim) {
    for (std::size_t block = 0; block + kMixed <= width; block += kMixed) {
        for (std::size_t step = 1; step < kMixed; step *= 2) {
            for (std::size_t row = 0; row < kMixed; ++row) {
                if ((row & step) != 0) {
                    continue;
                }
                float* a = directions + (block + row) * dim;
                float* b = a + step * dim;
                for (std::size_t k = 0; k < dim; ++k) {
                    const float sum = (a[k] + b[k]) * static_cast<float>(M_SQRT1_2);
                    b[k] = (a[k] - b[k]) * static_cast<float>(M_SQRT1_2);
                    a[k] = sum;
                }
            }
        }
    }
}

// Some numbers in [-1, 1), always the same.
void fill_start(std::vector<float>& values) {
    std::uint32_t state = 1;
    for (float& value : values) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<float>(static_cast<double>(state) * 0x1p-31 - 1.0);
    }
}

// Frobenius norm of P P' - 1, which bounds the distance of P from its orthonormal polar factor.
double deviation_of(const float* directions, std::size_t width, std::size_t dim, const KernelTable& kernels) {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) {
        for (std::size_t j = i; j < width; ++j) {
            const double product = kernels.dot64(directions + i * dim, directions + j * dim, dim);
            const double off = i == j ? product - 1.0 : product;
            sum += (i == j ? 1.0 : 2.0) * off * off;
        }
    }
    return std::sqrt(sum) * (1.0 + 1e-9) + 1e-12;
}

void finish(Rotation& rotation, const KernelTable& kernels) {
    rotation.deviation = deviation_of(rotation.basis.data(), rotation.width, rotation.dim, kernels);
    rotation.centre_square = kernels.dot64(rotation.centre(), rotation.centre(), rotation.dim);
}

// Rows of a side, evenly taken, as rows of length 1.
class Sample {
public:
    Sample(const Side& side, const KernelTable& kernels)
        : side_{side}, kernels_{kernels}, rows_{std::min(side.order.size(), kSampleRows)} {}

    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }

    void load(std::size_t index, float* out) const {
        const auto position = static_cast<std::uint32_t>(index * side_.order.size() / rows_);
        kernels_.scale(side_.row(position), 1.0 / side_.norm(position), side_.matrix.dim, out);
    }

private:
    const Side& side_;
    const KernelTable& kernels_;
    std::size_t rows_;
};

std::vector<float> centre_of(const Sample& sample, std::size_t dim) {
    std::vector<double> sums(dim);
    std::vector<float> unit(dim);
    for (std::size_t index = 0; index < sample.rows(); ++index) {
        sample.load(index, unit.data());
        for (std::size_t k = 0; k < dim; ++k) {
            sums[k] += static_cast<double>(unit[k]);
        }
    }
    std::vector<float> centre(dim);
    for (std::size_t k = 0; k < dim; ++k) {
        centre[k] = static_cast<float>(sums[k] / static_cast<double>(std::max<std::size_t>(1, sample.rows())));
    }
    return centre;
}

// Columns dim x count of centred rows [first, first + count) of the sample.
void load_columns(const Sample& sample, std::size_t first, std::size_t count, const std::vector<float>& centre,
                  float* columns) {
    const std::size_t dim = centre.size();
    std::vector<float> unit(kLoadedRows * dim);
    for (std::size_t done = 0; done < count; done += kLoadedRows) {
        const std::size_t loaded = std::min(kLoadedRows, count - done);
        for (std::size_t index = 0; index < loaded; ++index) {
            sample.load(first + done + index, unit.data() + index * dim);
        }
        for (std::size_t k = 0; k < dim; ++k) {
            for (std::size_t index = 0; index < loaded; ++index) {
                columns[k * count + done + index] = unit[index * dim + k] - centre[k];
            }
        }
    }
}

// The upper triangle, by rows, times the number of rows.
std::vector<float> covariance_of(const Sample& sample, const std::vector<float>& centre, const KernelTable& kernels) {
    const std::size_t dim = centre.size();
    std::vector<float> covariance(dim * dim);
    std::vector<float> columns(dim * std::min(kSampleTile, sample.rows()));
    std::vector<float> strip(std::min(kStripRows, dim) * dim);
    for (std::size_t first = 0; first < sample.rows(); first += kSampleTile) {
        const std::size_t count = std::min(kSampleTile, sample.rows() - first);
        load_columns(sample, first, count, centre, columns.data());
        for (std::size_t row = 0; row < dim; row += kStripRows) {
            const std::size_t rows = std::min(kStripRows, dim - row);
            const float* left = columns.data() + row * count;
            kernels.products(left, rows, left, dim - row, count, strip.data());
            for (std::size_t i = 0; i < rows; ++i) {
                float* out = covariance.data() + (row + i) * dim + row;
                for (std::size_t j = i; j < dim - row; ++j) {
                    out[j] += strip[i * (dim - row) + j];
                }
            }
        }
    }
    return covariance;
}

void mirror(std::vector<float>& square, std::size_t dim) {
    for (std::size_t i = 0; i < dim; ++i) {
        for (std::size_t j = i + 1; j < dim; ++j) {
            square[j * dim + i] = square[i * dim + j];
        }
    }
}

}  // namespace

std::size_t usual_width(std::size_t dim) noexcept {
    constexpr std::size_t kWide = 640;
    const std::size_t width = dim < kWide ? 126 : 254;
    return std::min(dim, width);
}

base::Result<Rotation> fit_rotation(const Side& side, std::size_t width, Isa isa) {
    KHALA_TRY_ASSIGN(const Isa resolved, resolve_isa(isa));
    const KernelTable& kernels = kernels_for(resolved);
    const std::size_t dim = side.matrix.dim;
    Rotation rotation;
    rotation.dim = dim;
    rotation.width = std::min({width, dim, kWidthMax});
    const Sample sample{side, kernels};
    const std::vector<float> centre = centre_of(sample, dim);
    std::vector<float> covariance = covariance_of(sample, centre, kernels);
    mirror(covariance, dim);
    rotation.basis.reserve((rotation.width + 1) * dim);
    rotation.basis.resize(rotation.width * dim);
    fill_start(rotation.basis);
    leading_directions_for(resolved)(covariance.data(), dim, rotation.width, rotation.basis.data());
    mix(rotation.basis.data(), rotation.width, dim);
    rotation.basis.insert(rotation.basis.end(), centre.begin(), centre.end());
    finish(rotation, kernels);
    return rotation;
}

base::Result<Rotation> fit_rotation(const MatrixView& matrix, std::size_t width, Isa isa) {
    const FloatEnvironment environment;
    KHALA_TRY_ASSIGN(const RowCheck check, check_rows(matrix, "matrix", Faulty::report));
    const Collapsed rows = group_rows(check.norms, {});
    if (rows.rows.empty()) {
        return invalid("matrix", "has no row that a rotation could be fitted to");
    }
    return fit_rotation(Side{matrix, check.norms, rows.rows}, width == 0 ? usual_width(matrix.dim) : width, isa);
}

base::Result<Rotation> make_rotation(std::size_t dim, std::span<const float> directions,
                                     std::span<const float> centre) {
    constexpr std::string_view kField = "rotation";
    if (dim == 0 || centre.size() != dim || directions.empty() || directions.size() % dim != 0 ||
        directions.size() / dim > std::min(dim, kWidthMax)) {
        return invalid(kField, std::to_string(directions.size()) + " elements of directions and " +
                                   std::to_string(centre.size()) + " of a centre do not make one for " +
                                   std::to_string(dim) + " columns");
    }
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::all_of(directions.begin(), directions.end(), finite) ||
        !std::all_of(centre.begin(), centre.end(), finite)) {
        return invalid(kField, "not all elements are finite");
    }
    Rotation rotation;
    rotation.dim = dim;
    rotation.width = directions.size() / dim;
    rotation.basis.assign(directions.begin(), directions.end());
    rotation.basis.insert(rotation.basis.end(), centre.begin(), centre.end());
    KHALA_TRY_ASSIGN(const Isa isa, resolve_isa(Isa::automatic));
    finish(rotation, kernels_for(isa));
    if (!(rotation.deviation <= kDeviationMax && rotation.centre_square <= 1.0 + kDeviationMax)) {
        return invalid(kField, "its directions are not orthonormal, or its centre is longer than 1");
    }
    return rotation;
}

void project(const Rotation& rotation, const Side& side, std::span<const std::uint32_t> positions, std::uint32_t first,
             std::size_t count, const KernelTable& kernels, float* unit, float* out) {
    for (std::size_t index = 0; index < count; ++index) {
        const std::uint32_t position = positions.empty() ? first + static_cast<std::uint32_t>(index) : positions[index];
        kernels.scale(side.row(position), 1.0 / side.norm(position), rotation.dim, unit + index * rotation.dim);
    }
    kernels.products(unit, count, rotation.basis.data(), rotation.width + 1, rotation.dim, out);
}

}  // namespace khala::vec
