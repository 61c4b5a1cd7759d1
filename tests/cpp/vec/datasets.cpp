#include "vec/datasets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace khala::vec::testing {
namespace {

std::vector<double> gaussian(std::size_t count, Random& random) {
    std::normal_distribution<double> normal;
    std::vector<double> values(count);
    std::generate(values.begin(), values.end(), [&] { return normal(random); });
    return values;
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
    double sum = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
        sum += x[k] * y[k];
    }
    return sum;
}

// Orthonormal by Gram-Schmidt, twice over.
std::vector<std::vector<double>> orthonormal(std::size_t count, std::size_t dim, Random& random) {
    std::vector<std::vector<double>> basis;
    while (basis.size() < count) {
        std::vector<double> next = gaussian(dim, random);
        for (int round = 0; round < 2; ++round) {
            for (const std::vector<double>& other : basis) {
                const double along = dot(next, other);
                for (std::size_t k = 0; k < dim; ++k) {
                    next[k] -= along * other[k];
                }
            }
        }
        const double length = std::sqrt(dot(next, next));
        for (double& value : next) {
            value /= length;
        }
        basis.push_back(std::move(next));
    }
    return basis;
}

double slow_dot(const float* x, const float* y, std::size_t dim) {
    std::array<double, 8> sums{};
    for (std::size_t k = 0; k < dim; ++k) {
        sums[k % 8] += double{x[k]} * double{y[k]};
    }
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

Rows random_rows(std::size_t rows, std::size_t dim, std::uint64_t seed) {
    Random random{seed};
    std::uniform_real_distribution<double> exponent{-6.0, 6.0};
    Rows result{{}, dim};
    for (std::size_t row = 0; row < rows; ++row) {
        const double length = std::pow(10.0, exponent(random));
        for (const double value : gaussian(dim, random)) {
            result.data.push_back(static_cast<float>(value * length));
        }
    }
    return result;
}

Rows clustered_rows(std::size_t rows, std::size_t dim, std::size_t centres, float spread, std::uint64_t seed) {
    Random random{seed};
    const std::vector<double> centre = gaussian(centres * dim, random);
    std::uniform_int_distribution<std::size_t> pick{0, centres - 1};
    Rows result{{}, dim};
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t chosen = pick(random);
        const std::vector<double> noise = gaussian(dim, random);
        for (std::size_t k = 0; k < dim; ++k) {
            result.data.push_back(static_cast<float>(centre[chosen * dim + k] + double{spread} * noise[k]));
        }
    }
    return result;
}

Rows cone_rows(std::size_t rows, std::size_t dim, std::uint64_t seed) {
    return clustered_rows(rows, dim, 1, 0.35F, seed);
}

Rows duplicate_rows(std::size_t rows, std::size_t dim, std::size_t distinct, std::uint64_t seed) {
    Random random{seed};
    const Rows originals = random_rows(distinct, dim, seed + 1);
    std::uniform_int_distribution<std::size_t> pick{0, distinct - 1};
    std::bernoulli_distribution changed{0.1};
    Rows result{{}, dim};
    for (std::size_t row = 0; row < rows; ++row) {
        const float* original = originals.view().row(pick(random));
        result.data.insert(result.data.end(), original, original + dim);
        if (changed(random)) {
            float& last = result.data.back();
            last = std::nextafter(last, 2.0F * last + 1.0F);
        }
    }
    return result;
}

Rows equiangular_rows(std::size_t rows, std::size_t dim, double cosine, std::uint64_t seed) {
    Random random{seed};
    const std::vector<std::vector<double>> basis = orthonormal(rows + 1, dim, random);
    Rows result{{}, dim};
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t k = 0; k < dim; ++k) {
            const double value = std::sqrt(cosine) * basis[rows][k] + std::sqrt(1.0 - cosine) * basis[row][k];
            result.data.push_back(static_cast<float>(value));
        }
    }
    return result;
}

Rows outlier_rows(std::size_t rows, std::size_t dim, std::uint64_t seed) {
    Rows result = clustered_rows(rows, dim, 20, 0.3F, seed);
    for (std::size_t row = 0; row < rows; ++row) {
        result.data[row * dim + 1] += row % 2 == 0 ? 1000.0F : -1000.0F;
    }
    for (std::size_t k = 0; k < dim; ++k) {
        result.data[rows / 2 * dim + k] = k == dim - 1 ? -1.0F : 0.0F;
    }
    return result;
}

Rows scaled_rows(Rows rows, std::uint64_t seed) {
    Random random{seed};
    std::uniform_real_distribution<double> exponent{-30.0, 30.0};
    for (std::size_t row = 0; row < rows.count(); ++row) {
        const double factor = std::pow(10.0, exponent(random));
        for (std::size_t k = 0; k < rows.dim; ++k) {
            float& value = rows.data[row * rows.dim + k];
            value = static_cast<float>(static_cast<double>(value) * factor);
        }
    }
    return rows;
}

std::vector<Case> cases() {
    std::vector<Case> all;
    all.push_back({"random", random_rows(700, 20, 1), {-1.0, -0.2, 0.0, 0.5, 0.8}});
    all.push_back({"clustered", clustered_rows(900, 64, 30, 0.3F, 2), {0.5, 0.9, 0.917, 0.95, 1.0}});
    all.push_back({"cone", cone_rows(600, 128, 3), {0.85, 0.89, 0.9, 0.95}});
    all.push_back({"duplicates", duplicate_rows(800, 16, 60, 4), {-0.5, 0.9, 0.999999, 1.0}});
    all.push_back({"all_near_threshold", equiangular_rows(250, 384, 0.95, 5), {0.95, 0.9500001, 0.949999}});
    all.push_back({"isotropic", random_rows(500, 384, 12), {0.12, 0.2, 0.95}});
    all.push_back({"outlier", outlier_rows(500, 100, 13), {0.5, 0.95, 0.9999}});
    all.push_back({"lengths", scaled_rows(clustered_rows(400, 48, 9, 0.3F, 14), 15), {0.9, 0.95}});
    all.push_back({"identical_but_for_one_bit", duplicate_rows(600, 383, 3, 16), {0.9999999, 1.0}});
    all.push_back({"dim_4096", clustered_rows(60, 4096, 9, 0.2F, 17), {0.9, 0.96}});
    all.push_back({"dim_3", random_rows(300, 3, 18), {0.5, 0.99}});
    all.push_back({"dim_1", random_rows(300, 1, 6), {-1.0, 0.0, 1.0}});
    all.push_back({"dim_2", random_rows(300, 2, 6), {0.99, 0.9999, 1.0}});
    all.push_back({"dim_1537", clustered_rows(120, 1537, 9, 0.2F, 7), {0.9, 0.96}});
    all.push_back({"two_rows", clustered_rows(2, 8, 1, 0.1F, 8), {0.5, 0.999}});
    all.push_back({"one_row", random_rows(1, 8, 9), {0.0}});
    all.push_back({"no_rows", {{}, 8}, {0.0}});
    return all;
}

std::vector<Isa> isas() {
    std::vector<Isa> all{Isa::baseline};
    for (const Isa isa : {Isa::v3, Isa::v4}) {
        if (resolve_isa(isa).ok()) {
            all.push_back(isa);
        }
    }
    return all;
}

Rows shuffled(const Rows& rows, const std::vector<std::size_t>& order) {
    Rows result{{}, rows.dim};
    for (const std::size_t row : order) {
        const float* source = rows.view().row(row);
        result.data.insert(result.data.end(), source, source + rows.dim);
    }
    return result;
}

std::vector<std::int32_t> random_groups(std::size_t rows, std::int32_t groups, std::uint64_t seed) {
    Random random{seed};
    std::uniform_int_distribution<std::int32_t> pick{-groups / 2, groups - groups / 2 - 1};
    std::vector<std::int32_t> result(rows);
    std::generate(result.begin(), result.end(), [&] { return pick(random); });
    return result;
}

double slow_sim64(const float* x, const float* y, std::size_t dim) {
    if (std::memcmp(x, y, dim * sizeof(float)) == 0) {
        return 1.0;
    }
    const double lengths = std::sqrt(slow_dot(x, x, dim)) * std::sqrt(slow_dot(y, y, dim));
    return std::max(-1.0, std::min(1.0, slow_dot(x, y, dim) / lengths));
}

std::vector<Triple> brute_force(const Rows& rows, double threshold, const std::vector<std::int32_t>& groups) {
    std::vector<Triple> found;
    const MatrixView matrix = rows.view();
    for (std::size_t i = 0; i < matrix.rows; ++i) {
        for (std::size_t j = i + 1; j < matrix.rows; ++j) {
            if (!groups.empty() && groups[i] != groups[j]) {
                continue;
            }
            const double cosine = slow_sim64(matrix.row(i), matrix.row(j), matrix.dim);
            if (cosine >= threshold) {
                found.emplace_back(i, j, cosine);
            }
        }
    }
    return found;
}

Oracle::Oracle(const Case& test, double threshold)
    : groups{random_groups(test.rows.count(), 4, 1)},
      whole{brute_force(test.rows, threshold)},
      grouped{brute_force(test.rows, threshold, groups)} {}

std::vector<Triple> triples(const Pairs& pairs) {
    std::vector<Triple> found;
    for (std::size_t index = 0; index < pairs.left.size(); ++index) {
        found.emplace_back(pairs.left[index], pairs.right[index], pairs.cosine[index]);
    }
    return found;
}

}  // namespace khala::vec::testing
