#include "vec/codes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "vec/datasets.hpp"
#include "vec/isa.hpp"

namespace khala::vec {
namespace {

using testing::Random;

struct Encoded {
    CodeShape shape;
    std::vector<float> centre;
    std::vector<float> projected;
    std::vector<std::uint8_t> codes;
    std::vector<CodeTerms> terms;

    [[nodiscard]] int at(const CodeKernels& kernels, std::size_t row, std::size_t slot) const {
        return codes[row * shape.slots + slot] - kernels.offset;
    }
};

// Rows of which some fit their codes, some are far too long for them and some have all coordinates alike: what sums
// of 16 bits could not hold if they were taken as they are.
Encoded encoded(const CodeKernels& kernels, std::size_t rows, const CodeLayout& layout, std::uint64_t seed) {
    Random random{seed};
    std::normal_distribution<float> normal;
    Encoded result;
    result.centre.assign(layout.coordinates, 0.01F);
    result.shape.coordinates = layout.coordinates;
    result.shape.first = layout.first;
    result.shape.slots = layout.slots;
    result.shape.scale = 0.2F / static_cast<float>(kernels.levels);
    result.shape.first_rest = 0.5F;
    result.shape.rest = 0.4F;
    result.shape.centre_square = 0.0001F * static_cast<float>(layout.coordinates);
    result.shape.centre = result.centre.data();
    for (std::size_t row = 0; row < rows; ++row) {
        const float length = row % 3 == 0 ? 0.05F : row % 3 == 1 ? 3.0F : 0.0F;
        for (std::size_t k = 0; k < layout.coordinates; ++k) {
            result.projected.push_back(0.01F +
                                       (row % 3 == 2 ? (row % 2 == 0 ? 1.0F : -1.0F) : length * normal(random)));
        }
        result.projected.push_back(0.0F);
    }
    result.codes.resize(rows * layout.slots);
    result.terms.resize(rows);
    kernels.encode(result.projected.data(), rows, result.shape, result.codes.data(), layout.slots, result.terms.data());
    return result;
}

int product(const Encoded& a, std::size_t i, const Encoded& b, std::size_t j, std::size_t slots, std::size_t skipped,
            const CodeKernels& kernels) {
    int sum = 0;
    for (std::size_t k = 0; k < slots; ++k) {
        sum += k == skipped ? 0 : a.at(kernels, i, k) * b.at(kernels, j, k);
    }
    return sum;
}

std::vector<Isa> isas() {
    std::vector<Isa> all;
    for (const Isa isa : {Isa::baseline, Isa::v3, Isa::v4}) {
        if (resolve_isa(isa).ok()) {
            all.push_back(isa);
        }
    }
    return all;
}

class CodeKernelsTest : public ::testing::TestWithParam<std::tuple<Isa, std::size_t>> {
protected:
    void SetUp() override {
        if (!resolve_isa(std::get<0>(GetParam())).ok()) {
            GTEST_SKIP() << "not on this processor";
        }
    }
};

// Every candidate of a tile and no other, for tiles of every shape, though int16 sums could overflow on these rows.
TEST_P(CodeKernelsTest, PruneAndRefineAgreeWithPlainArithmetic) {
    const auto [isa, first] = GetParam();
    const CodeKernels& kernels = code_kernels_for(isa);
    const CodeLayout layout = layout_for(126, first);
    for (const auto& [rows, columns] : {std::pair{1U, 1U}, {12U, 32U}, {13U, 33U}, {50U, 100U}, {5U, 17U}}) {
        const Encoded a = encoded(kernels, columns, layout, 1);
        const Encoded b = encoded(kernels, rows, layout, 2);
        const auto groups = static_cast<std::uint32_t>(layout.first / 4);
        std::vector<std::int32_t> column_terms(columns);
        std::vector<std::int32_t> row_terms(rows);
        Random random{3};
        std::uniform_int_distribution<std::int32_t> term{-20'000, 20'000};
        std::generate(column_terms.begin(), column_terms.end(), [&] { return term(random); });
        std::generate(row_terms.begin(), row_terms.end(), [&] { return term(random); });
        const std::size_t padded_rows = rows + kernels.row_tile;
        const std::size_t padded_columns = columns + kColumnTile;
        std::vector<std::uint8_t> packed_rows(padded_rows * layout.first);
        std::vector<std::int8_t> packed_columns(padded_columns * layout.first);
        std::vector<std::int32_t> out_rows(padded_rows);
        std::vector<std::int32_t> out_columns(padded_columns);
        kernels.pack_rows(b.codes.data(), layout.slots, nullptr, 0, rows, groups, row_terms.data(), packed_rows.data(),
                          out_rows.data());
        kernels.pack_columns(a.codes.data(), layout.slots, nullptr, 0, columns, groups, column_terms.data(),
                             packed_columns.data(), out_columns.data());
        std::vector<Candidate> found(std::size_t{rows} * columns);
        found.resize(kernels.prune(
            {packed_rows.data(), out_rows.data(), rows, packed_columns.data(), out_columns.data(), columns, groups},
            found.data()));
        std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
        for (const Candidate& candidate : found) {
            pairs.emplace_back(candidate.row, candidate.column);
        }
        std::sort(pairs.begin(), pairs.end());
        std::vector<std::pair<std::uint32_t, std::uint32_t>> expected;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> expected_refined;
        for (std::uint32_t row = 0; row < rows; ++row) {
            for (std::uint32_t column = 0; column < columns; ++column) {
                const std::int32_t limit = column_terms[column] + row_terms[row];
                if (product(a, column, b, row, layout.first, layout.slots, kernels) >= limit) {
                    expected.emplace_back(row, column);
                    if (product(a, column, b, row, layout.slots, layout.first - 1, kernels) >= limit) {
                        expected_refined.emplace_back(row, column);
                    }
                }
            }
        }
        EXPECT_EQ(expected, pairs) << rows << " x " << columns;
        found.resize(kernels.refine({a.codes.data(), column_terms.data(), b.codes.data(), row_terms.data(),
                                     layout.slots, layout.slots, layout.first - 1},
                                    found.data(), found.size()));
        EXPECT_EQ(expected_refined.size(), found.size());
    }
}

// What a code claims about its own error is true, also where coordinates were clipped or shrunk.
TEST_P(CodeKernelsTest, MeasuredErrorsHold) {
    const auto [isa, first] = GetParam();
    const CodeKernels& kernels = code_kernels_for(isa);
    const CodeLayout layout = layout_for(126, first);
    const Encoded rows = encoded(kernels, 60, layout, 5);
    const auto scale = static_cast<double>(rows.shape.scale);
    const bool two_stages = layout.first < layout.slots;
    for (std::size_t row = 0; row < 60; ++row) {
        const float* values = rows.projected.data() + row * 127;
        double squares = 0;
        double error = 0;
        int code_squares = 0;
        const std::size_t head = two_stages ? layout.first - 1 : 126;
        for (std::size_t k = 0; k < head; ++k) {
            const double value = static_cast<double>(values[k]) - static_cast<double>(rows.centre[k]);
            const int code = rows.at(kernels, row, k);
            squares += value * value;
            error += std::pow(value - scale * code, 2);
            code_squares += code * code;
        }
        const double rest = std::sqrt(std::max(0.0, 1.0 + static_cast<double>(rows.shape.centre_square) - squares));
        const int marker = rows.at(kernels, row, layout.first - 1);
        error += std::pow(rest - static_cast<double>(rows.shape.first_rest) - scale * marker, 2);
        EXPECT_GE(static_cast<double>(rows.terms[row].first_error) + 1e-6, std::sqrt(error)) << row;
        EXPECT_EQ(code_squares + marker * marker, rows.terms[row].first_square) << row;
    }
}

INSTANTIATE_TEST_SUITE_P(Isas, CodeKernelsTest,
                         ::testing::Combine(::testing::ValuesIn(isas()), ::testing::Values(4U, 24U, 48U, 64U, 512U)),
                         [](const auto& instance) {
                             return std::string{name(std::get<0>(instance.param))} + "_" +
                                    std::to_string(std::get<1>(instance.param));
                         });

TEST(CodeLayout, HoldsEveryCoordinateAndTheRest) {
    for (const std::size_t width : {1U, 3U, 15U, 126U, 254U, 510U, 512U}) {
        for (const std::size_t first : {1U, 4U, 16U, 48U, 510U, 600U}) {
            const CodeLayout layout = layout_for(width, first);
            EXPECT_EQ(width, layout.coordinates);
            EXPECT_EQ(0U, layout.first % 4);
            EXPECT_EQ(0U, layout.slots % 4);
            EXPECT_LE(layout.slots, kSlotsMax);
            const bool two_stages = layout.first < layout.slots;
            EXPECT_GE(layout.slots, width + (two_stages ? 2 : 1));
        }
    }
}

}  // namespace
}  // namespace khala::vec
