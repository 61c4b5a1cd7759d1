#include "vec/sim64.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "vec/datasets.hpp"

namespace khala::vec {
namespace {

using testing::Rows;

double cosine(const float* x, const float* y, std::size_t dim) {
    return sim64(x, norm64(x, dim), y, norm64(y, dim), dim);
}

class Sim64Dim : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Sim64Dim, HasTheBitsOfItsDefinition) {
    const std::size_t dim = GetParam();
    const Rows rows = testing::random_rows(40, dim, dim);
    for (std::size_t i = 0; i < rows.count(); ++i) {
        for (std::size_t j = 0; j < rows.count(); ++j) {
            const float* x = rows.view().row(i);
            const float* y = rows.view().row(j);
            ASSERT_EQ(std::bit_cast<std::uint64_t>(testing::slow_sim64(x, y, dim)),
                      std::bit_cast<std::uint64_t>(cosine(x, y, dim)))
                << i << " " << j;
        }
    }
}

TEST_P(Sim64Dim, IsCloseToTheRealCosine) {
    const std::size_t dim = GetParam();
    const Rows rows = testing::random_rows(20, dim, 7 + dim);
    for (std::size_t i = 0; i + 1 < rows.count(); ++i) {
        const float* x = rows.view().row(i);
        const float* y = rows.view().row(i + 1);
        long double xy = 0;
        long double xx = 0;
        long double yy = 0;
        for (std::size_t k = 0; k < dim; ++k) {
            const auto a = static_cast<long double>(x[k]);
            const auto b = static_cast<long double>(y[k]);
            xy += a * b;
            xx += a * a;
            yy += b * b;
        }
        EXPECT_NEAR(static_cast<double>(xy / (std::sqrt(xx) * std::sqrt(yy))), cosine(x, y, dim), 1e-14);
    }
}

INSTANTIATE_TEST_SUITE_P(Dimensions, Sim64Dim, ::testing::Values(1, 2, 7, 8, 9, 16, 100, 384, 1537));

TEST(Sim64, IsOneForByteIdenticalRowsOnly) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Rows rows = testing::random_rows(1, 33, seed);
        Rows copy = rows;
        EXPECT_EQ(1.0, cosine(rows.data.data(), copy.data.data(), 33));
    }
    // Same direction, other bytes: whatever the arithmetic says, but never above 1.
    const float x[3] = {0.1F, 0.2F, 0.3F};
    const float y[3] = {0.3F, 0.6F, 0.9F};
    EXPECT_LE(cosine(x, y, 3), 1.0);
    EXPECT_GT(cosine(x, y, 3), 0.999999);
}

TEST(Sim64, NeverLeavesMinusOneToOne) {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Rows rows = testing::random_rows(1, 5, seed);
        Rows scaled = rows;
        for (float& value : scaled.data) {
            value *= -3.0F;
        }
        EXPECT_GE(cosine(rows.data.data(), scaled.data.data(), 5), -1.0);
        for (float& value : scaled.data) {
            value = -value;
        }
        EXPECT_LE(cosine(rows.data.data(), scaled.data.data(), 5), 1.0);
    }
}

TEST(Sim64, ExtremeElementsNeitherOverflowNorVanish) {
    const float huge = std::numeric_limits<float>::max();
    const float tiny = std::numeric_limits<float>::denorm_min();
    const float x[2] = {huge, huge};
    const float y[2] = {tiny, tiny};
    EXPECT_NEAR(1.0, cosine(x, y, 2), 1e-15);
    const float z[2] = {tiny, -tiny};
    EXPECT_EQ(0.0, cosine(x, z, 2));
}

TEST(Sim64, IsTheSameForAnyOrderOfItsTwoRows) {
    const Rows rows = testing::random_rows(30, 77, 3);
    for (std::size_t i = 0; i < rows.count(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_EQ(cosine(rows.view().row(i), rows.view().row(j), 77),
                      cosine(rows.view().row(j), rows.view().row(i), 77));
        }
    }
}

#if defined(__SSE__)
TEST(FloatEnvironment, KeepsDenormalsThatTheHostFlushes) {
    constexpr unsigned kFlushAndDenormalsAreZero = 0x8040;
    const unsigned saved = _mm_getcsr();
    const float tiny[1] = {std::numeric_limits<float>::denorm_min()};
    _mm_setcsr(saved | kFlushAndDenormalsAreZero);
    const double flushed = norm64(tiny, 1);
    double kept = 0;
    {
        const FloatEnvironment environment;
        kept = norm64(tiny, 1);
    }
    const unsigned restored = _mm_getcsr();
    _mm_setcsr(saved);
    EXPECT_EQ(0.0, flushed) << "the host's mode is what this test is about";
    EXPECT_GT(kept, 0.0);
    EXPECT_EQ(kFlushAndDenormalsAreZero, restored & kFlushAndDenormalsAreZero);
}
#endif

}  // namespace
}  // namespace khala::vec
