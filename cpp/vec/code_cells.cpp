// Which cell a row belongs to, and which others it is near. Compiled once per instruction set, with KHALA_VEC_ISA
// naming the namespace; see code_kernels.hpp.
#include <math.h>
#include <string.h>

#include "vec/code_isa.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace khala::vec::KHALA_VEC_ISA {
namespace {

constexpr std::size_t kLanes = kCellStep;

using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

// Takes off the halves and returns the place of the highest score, the first of equals.
std::uint16_t nearest(float* scores, std::size_t cells, const float* halves) {
    Floats best = Floats{} - INFINITY;
    Ints at = {};
    for (std::size_t cell = 0; cell < cells; cell += kLanes) {
        Floats score;
        Floats half;
        memcpy(&score, scores + cell, sizeof(score));
        memcpy(&half, halves + cell, sizeof(half));
        score -= half;
        memcpy(scores + cell, &score, sizeof(score));
        const Ints better = score > best;
        best = better ? score : best;
        at = better ? Ints{} + static_cast<std::int32_t>(cell) : at;
    }
    auto place = static_cast<std::size_t>(at[0]);
    for (std::size_t lane = 1; lane < kLanes; ++lane) {
        const std::size_t other = static_cast<std::size_t>(at[lane]) + lane;
        if (scores[other] > scores[place] || (scores[other] == scores[place] && other < place)) {
            place = other;
        }
    }
    return static_cast<std::uint16_t>(place);
}

// Bit b for a cell b with scores[b] + reach[b] >= own.
unsigned within(const float* scores, const float* reach, float own) {
#if defined(__AVX512F__)
    const __m512 sums = _mm512_add_ps(_mm512_loadu_ps(scores), _mm512_loadu_ps(reach));
    return _mm512_cmp_ps_mask(sums, _mm512_set1_ps(own), _CMP_GE_OQ);
#elif defined(__AVX2__)
    const __m256 limit = _mm256_set1_ps(own);
    unsigned mask = 0;
    for (std::size_t half = 0; half < 2; ++half) {
        const __m256 sums = _mm256_add_ps(_mm256_loadu_ps(scores + 8 * half), _mm256_loadu_ps(reach + 8 * half));
        mask |= static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(sums, limit, _CMP_GE_OQ))) << (8 * half);
    }
    return mask;
#elif defined(__SSE2__)
    const __m128 limit = _mm_set1_ps(own);
    unsigned mask = 0;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        const __m128 sums = _mm_add_ps(_mm_loadu_ps(scores + 4 * quarter), _mm_loadu_ps(reach + 4 * quarter));
        mask |= static_cast<unsigned>(_mm_movemask_ps(_mm_cmpge_ps(sums, limit))) << (4 * quarter);
    }
    return mask;
#else
    unsigned mask = 0;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
        mask |= static_cast<unsigned>(scores[lane] + reach[lane] >= own) << lane;
    }
    return mask;
#endif
}

}  // namespace

void nearest_cells(float* scores, std::size_t rows, std::size_t cells, const float* halves, std::uint16_t* own) {
    for (std::size_t row = 0; row < rows; ++row) {
        own[row] = nearest(scores + row * cells, cells, halves);
    }
}

std::size_t cells_in_reach(const float* scores, std::size_t rows, std::size_t cells, const float* reach,
                           const std::uint16_t* own, std::uint16_t* counts, std::uint16_t* out) {
    static_assert(kLanes == 16, "one mask a step");
    std::size_t found = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t before = found;
        const float* of_row = scores + row * cells;
        const float* of_cell = reach + own[row] * cells;
        for (std::size_t cell = 0; cell < cells; cell += kLanes) {
            unsigned mask = within(of_row + cell, of_cell + cell, of_row[own[row]]);
            while (mask != 0) {
                const std::size_t other = cell + static_cast<std::size_t>(__builtin_ctz(mask));
                mask &= mask - 1;
                out[found] = static_cast<std::uint16_t>(other);
                found += static_cast<std::size_t>(other != own[row]);
            }
        }
        counts[row] = static_cast<std::uint16_t>(found - before);
    }
    return found;
}

}  // namespace khala::vec::KHALA_VEC_ISA
