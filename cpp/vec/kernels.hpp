// The float32 tile kernels, compiled once per instruction set.
//
// kernels.cpp is built several times, for plain x86-64, x86-64-v3 (AVX2 and FMA) and x86-64-v4 with VNNI, and each copy
// hands out one table of function pointers. Two copies of the same templates in one program are an ODR trap: the linker
// keeps one of two equal symbols, so either the fast copy runs slow code or the old CPU meets an instruction that it
// lacks. Hence the later copies rename Eigen's namespace, everything else in kernels.cpp has internal linkage, and this
// header holds no inline function and no std:: template. tests/cpp/vec checks the object files. The same goes for
// the sources of code_kernels.hpp and for directions.cpp.
//
// What a kernel computes is a float32 approximation in whatever order is fastest. It only proposes pairs; sim64
// decides, so every table leads to the same answers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace khala::vec {

// A proposed pair and its float32 dot product, NaN where nobody computed it.
struct Hit {
    std::uint32_t left;
    std::uint32_t right;
    float dot;
};

// Rows are dense and row-major, `dim` floats each; `out` of a product has one row for each row of `a`. No state:
// safe from any number of threads. The products may throw std::bad_alloc (Eigen's packing buffers).
struct KernelTable {
    // out[k] = row[k] * factor, rounded once to float32.
    void (*scale)(const float* row, double factor, std::size_t dim, float* out);
    // out[i][j] = a_i . b_j
    void (*products)(const float* a, std::size_t a_rows, const float* b, std::size_t b_rows, std::size_t dim,
                     float* out);
    // out[i][j] = a_i . a_j for j > i; the rest of `out` is unspecified.
    void (*products_upper)(const float* a, std::size_t rows, std::size_t dim, float* out);
    // Writes the elements >= cut to `hits` (room for rows * cols) in row-major order; returns how many.
    std::size_t (*scan)(const float* products, std::size_t rows, std::size_t cols, float cut, Hit* hits);
    // The same for j > i only.
    std::size_t (*scan_upper)(const float* products, std::size_t rows, float cut, Hit* hits);
    // dot64 of sim64.hpp: the same bits in every copy.
    double (*dot64)(const float* x, const float* y, std::size_t dim);
};

namespace baseline {
[[nodiscard]] const KernelTable& kernels() noexcept;
}
namespace v3 {
[[nodiscard]] const KernelTable& kernels() noexcept;  // only where the build has that copy: see isa.hpp
}
namespace v4 {
[[nodiscard]] const KernelTable& kernels() noexcept;
}

}  // namespace khala::vec
