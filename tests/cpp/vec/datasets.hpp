// Sets of rows that are hard in different ways, and the brute-force answers that the kernels are held to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "vec/isa.hpp"
#include "vec/join.hpp"
#include "vec/matrix.hpp"

namespace khala::vec::testing {

struct Rows {
    std::vector<float> data;
    std::size_t dim = 0;

    [[nodiscard]] MatrixView view() const { return {data.data(), dim == 0 ? 0 : data.size() / dim, dim}; }
    [[nodiscard]] std::size_t count() const { return view().rows; }
};

using Random = std::mt19937_64;

// Gaussian rows of very different lengths.
Rows random_rows(std::size_t rows, std::size_t dim, std::uint64_t seed);
// Points scattered closely round a few centres: many pairs on either side of a high threshold.
Rows clustered_rows(std::size_t rows, std::size_t dim, std::size_t centres, float spread, std::uint64_t seed);
// All rows within a narrow cone, as some embedding models make them: unrelated pairs at 0.7 and more.
Rows cone_rows(std::size_t rows, std::size_t dim, std::uint64_t seed);
// Every row a copy of one of a few, some with one bit changed.
Rows duplicate_rows(std::size_t rows, std::size_t dim, std::size_t distinct, std::uint64_t seed);
// The adversary: every pair has cosine `cosine` up to the rounding of its float32 elements, so float32 products alone
// decide nothing. Needs dim > rows.
Rows equiangular_rows(std::size_t rows, std::size_t dim, double cosine, std::uint64_t seed);

// A cloud with one row far outside of it, and one coordinate a thousand times larger than the others.
Rows outlier_rows(std::size_t rows, std::size_t dim, std::uint64_t seed);
// The same directions with lengths from 1e-30 to 1e30.
Rows scaled_rows(Rows rows, std::uint64_t seed);

// All of them, small enough for brute force, with the thresholds that are hard for each.
struct Case {
    std::string name;
    Rows rows;
    std::vector<double> thresholds;
};
std::vector<Case> cases();

// The instruction sets that can run here.
std::vector<Isa> isas();

Rows shuffled(const Rows& rows, const std::vector<std::size_t>& order);
std::vector<std::int32_t> random_groups(std::size_t rows, std::int32_t groups, std::uint64_t seed);

// sim64 as its header defines it, written the slow way; 1 for byte-identical rows.
double slow_sim64(const float* x, const float* y, std::size_t dim);

using Triple = std::tuple<std::int64_t, std::int64_t, double>;

// Every pair i < j of one group by slow_sim64, ascending. Rows must be comparable.
std::vector<Triple> brute_force(const Rows& rows, double threshold, const std::vector<std::int32_t>& groups = {});

// What joins of a case must find, all rows together and in four groups. Slow: one serves all ways to join.
struct Oracle {
    Oracle(const Case& test, double threshold);

    std::vector<std::int32_t> groups;
    std::vector<Triple> whole;
    std::vector<Triple> grouped;
};

std::vector<Triple> triples(const Pairs& pairs);

}  // namespace khala::vec::testing
