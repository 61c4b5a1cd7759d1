// Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see kernels.hpp.
#include "vec/kernels.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

namespace khala::vec::KHALA_VEC_ISA {
namespace {

using Eigen::Index;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstVector = Eigen::Map<const Eigen::VectorXf>;

Eigen::Map<const Rows> in(const float* data, std::size_t rows, std::size_t cols) {
    return {data, static_cast<Index>(rows), static_cast<Index>(cols)};
}

Eigen::Map<Rows> into(float* data, std::size_t rows, std::size_t cols) {
    return {data, static_cast<Index>(rows), static_cast<Index>(cols)};
}

void scale(const float* row, double factor, std::size_t dim, float* out) {
    for (std::size_t k = 0; k < dim; ++k) {
        out[k] = static_cast<float>(static_cast<double>(row[k]) * factor);
    }
}

void products(const float* a, std::size_t a_rows, const float* b, std::size_t b_rows, std::size_t dim, float* out) {
    into(out, a_rows, b_rows).noalias() = in(a, a_rows, dim) * in(b, b_rows, dim).transpose();
}

// Below this many rows the packing of a matrix product costs more than the product (Zen 4, gcc 12, 384 columns).
constexpr std::size_t kPackedRows = 8;

void products_upper(const float* a, std::size_t rows, std::size_t dim, float* out) {
    if (rows < kPackedRows) {
        const auto length = static_cast<Index>(dim);
        for (std::size_t i = 0; i < rows; ++i) {
            for (std::size_t j = i + 1; j < rows; ++j) {
                out[i * rows + j] = ConstVector(a + i * dim, length).dot(ConstVector(a + j * dim, length));
            }
        }
        return;
    }
    into(out, rows, rows).triangularView<Eigen::Upper>() = in(a, rows, dim) * in(a, rows, dim).transpose();
}

// Hits are rare: a stretch of columns is first tested as a whole, which compiles to vector compares.
constexpr std::size_t kStretch = 64;

std::size_t scan_row(const float* products, std::size_t row, std::size_t first, std::size_t cols, float cut,
                     Hit* hits) {
    std::size_t found = 0;
    for (std::size_t begin = first; begin < cols; begin += kStretch) {
        const std::size_t end = begin + kStretch < cols ? begin + kStretch : cols;
        int any = 0;
        for (std::size_t col = begin; col < end; ++col) {
            any |= static_cast<int>(products[col] >= cut);
        }
        if (any == 0) {
            continue;
        }
        for (std::size_t col = begin; col < end; ++col) {
            if (products[col] >= cut) {
                hits[found++] = {static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(col), products[col]};
            }
        }
    }
    return found;
}

std::size_t scan(const float* products, std::size_t rows, std::size_t cols, float cut, Hit* hits) {
    std::size_t found = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        found += scan_row(products + row * cols, row, 0, cols, cut, hits + found);
    }
    return found;
}

std::size_t scan_upper(const float* products, std::size_t rows, float cut, Hit* hits) {
    std::size_t found = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        found += scan_row(products + row * rows, row, row + 1, rows, cut, hits + found);
    }
    return found;
}

// Eight running sums and the tree of sim64.hpp.
double dot64(const float* x, const float* y, std::size_t dim) {
    constexpr std::size_t kLanes = 8;
    double sums[kLanes] = {};
    const std::size_t whole = dim - dim % kLanes;
    for (std::size_t begin = 0; begin < whole; begin += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            sums[lane] += static_cast<double>(x[begin + lane]) * static_cast<double>(y[begin + lane]);
        }
    }
    for (std::size_t lane = 0; lane < dim - whole; ++lane) {
        sums[lane] += static_cast<double>(x[whole + lane]) * static_cast<double>(y[whole + lane]);
    }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

const KernelTable& kernels() noexcept {
    static constexpr KernelTable kTable{scale, products, products_upper, scan, scan_upper, dot64};
    return kTable;
}

}  // namespace khala::vec::KHALA_VEC_ISA
