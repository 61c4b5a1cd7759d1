// The cosine that decides: float64 in one fixed order of operations, the same bits on every machine.
//
//   dot64(x, y)  = sum of x[k] * y[k], as eight running sums (sum l takes k = l, l + 8, ...), then the fixed tree
//                  ((s0+s4) + (s2+s6)) + ((s1+s5) + (s3+s7))
//   norm64(x)    = sqrt(dot64(x, x))
//   sim64(x, y)  = dot64(x, y) / (norm64(x) * norm64(y)), clamped to [-1, 1]; 1 for byte-identical rows
//
// Why this is reproducible. A product of two float32 is exact in float64 (24 + 24 <= 53 significant bits, exponents far
// inside the range), so it does not matter whether the compiler contracts a multiply and an add into an FMA: both
// round the same real number once. Sum, quotient and square root are correctly rounded by IEEE 754. What is left free
// is the order of the additions, which is fixed above; vectors of 2, 4 or 8 lanes all keep it. A row whose length is
// no multiple of 8 is padded with zeros in thought: adding +0 changes no sum, since no running sum is ever -0.
// This needs the default rounding mode and denormals, hence FloatEnvironment, and no -ffast-math.
#pragma once

#include <cfenv>
#include <cstddef>

namespace khala::vec {

[[nodiscard]] double dot64(const float* x, const float* y, std::size_t dim) noexcept;
[[nodiscard]] double norm64(const float* x, std::size_t dim) noexcept;

// Both rows must be comparable (matrix.hpp) and the norms theirs; symmetric in x and y to the last bit.
[[nodiscard]] double sim64(const float* x, double norm_x, const float* y, double norm_y, std::size_t dim) noexcept;

// The same from a dot64 computed before.
[[nodiscard]] double sim64_of(double dot, const float* x, double norm_x, const float* y, double norm_y,
                              std::size_t dim) noexcept;

// Default floating-point environment while in scope: a host that flushes denormals to zero (code built with
// -ffast-math switches that on for its thread) would change results. New threads inherit it from their creator.
class FloatEnvironment {
public:
    FloatEnvironment() noexcept {
        std::fegetenv(&saved_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~FloatEnvironment() { std::fesetenv(&saved_); }
    FloatEnvironment(const FloatEnvironment&) = delete;
    FloatEnvironment& operator=(const FloatEnvironment&) = delete;

private:
    std::fenv_t saved_{};
};

}  // namespace khala::vec
