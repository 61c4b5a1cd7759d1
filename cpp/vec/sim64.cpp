#include "vec/sim64.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace khala::vec {
namespace {

constexpr std::size_t kLanes = 8;

// Byte-identical rows give a quotient within a few units of 2^-53 from 1; only there is the comparison worth its time.
constexpr double kNearlyOne = 1.0 - 0x1p-40;

}  // namespace

double dot64(const float* x, const float* y, std::size_t dim) noexcept {
    std::array<double, kLanes> sums{};
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

double norm64(const float* x, std::size_t dim) noexcept {
    return std::sqrt(dot64(x, x, dim));
}

double sim64(const float* x, double norm_x, const float* y, double norm_y, std::size_t dim) noexcept {
    return sim64_of(dot64(x, y, dim), x, norm_x, y, norm_y, dim);
}

double sim64_of(double dot, const float* x, double norm_x, const float* y, double norm_y, std::size_t dim) noexcept {
    const double cosine = dot / (norm_x * norm_y);
    if (cosine > kNearlyOne && std::memcmp(x, y, dim * sizeof(float)) == 0) {
        return 1.0;
    }
    return std::clamp(cosine, -1.0, 1.0);
}

}  // namespace khala::vec
