#include "vec/plan_sample.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace khala::vec {
namespace {

constexpr std::size_t kSampleTile = 64;  // lefts looked at together

// The first `count` centred coordinates, their squared lengths and the length of all that is left out.
struct Heads {
    std::vector<float> values;
    std::vector<float> squares;
    std::vector<float> rests;
};

// Of rows [first, last) of the sample.
Heads heads_of(const Projected& sample, std::size_t first, std::size_t last, const float* centre, std::size_t count,
               double centre_square) {
    Heads heads;
    heads.values.reserve((last - first) * count);
    for (std::size_t row = first; row < last; ++row) {
        const float* source = sample.row(row);
        double square = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const float value = source[k] - centre[k];
            heads.values.push_back(value);
            square += static_cast<double>(value) * static_cast<double>(value);
        }
        const double whole = 1.0 - 2.0 * static_cast<double>(source[sample.width]) + centre_square;
        heads.squares.push_back(static_cast<float>(square));
        heads.rests.push_back(static_cast<float>(std::sqrt(std::max(0.0, whole - square))));
    }
    return heads;
}

double mean(const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) /
           static_cast<double>(std::max<std::size_t>(1, values.size()));
}

}  // namespace

double passing(const Projected& left, const Projected& right, const CodeModel& model, std::size_t count, double limit,
               const KernelTable& kernels) {
    const auto centre_square = static_cast<double>(model.shape.centre_square);
    const float* centre = model.centre.get();
    const Heads b = heads_of(right, 0, right.count(), centre, count, centre_square);
    std::vector<float> products(std::min(left.count(), kSampleTile) * right.count());
    const double rest = mean(b.rests);
    const auto rotation_error = static_cast<double>(model.shape.rotation_error);
    const double rest_error =
        (static_cast<double>(model.shape.square_error) + 2.0 * rotation_error * std::sqrt(mean(b.squares))) /
        std::max(rest, 0.05);
    const double error = static_cast<double>(model.shape.scale) * std::sqrt(static_cast<double>(count + 1) / 12.0) +
                         rotation_error + rest_error;
    const double reach = std::sqrt(limit) + 2.0 * error;
    const auto cut = static_cast<float>(reach * reach);
    std::size_t passed = 0;
    for (std::size_t done = 0; done < left.count(); done += kSampleTile) {
        const std::size_t tile = std::min(kSampleTile, left.count() - done);
        const Heads a = heads_of(left, done, done + tile, centre, count, centre_square);
        kernels.products(a.values.data(), tile, b.values.data(), right.count(), count, products.data());
        for (std::size_t i = 0; i < tile; ++i) {
            for (std::size_t j = 0; j < right.count(); ++j) {
                const float apart = a.rests[i] - b.rests[j];
                const float square =
                    a.squares[i] + b.squares[j] - 2.0F * products[i * right.count() + j] + apart * apart;
                passed += static_cast<std::size_t>(square <= cut);
            }
        }
    }
    return static_cast<double>(passed) / static_cast<double>(std::max<std::size_t>(1, left.count() * right.count()));
}

}  // namespace khala::vec
