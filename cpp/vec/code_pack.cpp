// Codes in the order in which the tile product reads them. Compiled once per instruction set, with KHALA_VEC_ISA naming
// the namespace; see code_kernels.hpp.
#include <string.h>

#include "vec/code_isa.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace khala::vec::KHALA_VEC_ISA {
namespace {

// The row of the lane at `place`: lanes past the last row repeat it.
std::uint32_t row_at(std::uint32_t place, const std::uint32_t* index, std::uint32_t first, std::uint32_t count) {
    const std::uint32_t real = place < count ? place : count - 1;
    return index == nullptr ? first + real : index[real];
}

// Writes the 4-byte groups of `lanes` rows side by side: out[group * row_tile + lane].
void interleave_one(const std::uint8_t* code, std::uint32_t groups, std::uint8_t* out) {
    for (std::uint32_t group = 0; group < groups; ++group) {
        memcpy(out + std::size_t{group} * kRowTile * 4, code + std::size_t{group} * 4, 4);
    }
}

#if defined(__SSE2__)
__m128i load(const std::uint8_t* sixteen) {
    const void* const from = sixteen;
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

void store(std::uint8_t* sixteen, __m128i value) {
    void* const to = sixteen;
    _mm_storeu_si128(static_cast<__m128i*>(to), value);
}

// Four rows at once, four groups at a time.
void interleave_four(const std::uint8_t* const* codes, std::uint32_t groups, std::uint8_t* out) {
    std::uint32_t group = 0;
    for (; group + 4 <= groups; group += 4) {
        const std::size_t at = std::size_t{group} * 4;
        const __m128i a = load(codes[0] + at);
        const __m128i b = load(codes[1] + at);
        const __m128i c = load(codes[2] + at);
        const __m128i d = load(codes[3] + at);
        const __m128i ab_low = _mm_unpacklo_epi32(a, b);
        const __m128i cd_low = _mm_unpacklo_epi32(c, d);
        const __m128i ab_high = _mm_unpackhi_epi32(a, b);
        const __m128i cd_high = _mm_unpackhi_epi32(c, d);
        std::uint8_t* to = out + std::size_t{group} * kRowTile * 4;
        constexpr std::size_t kStep = std::size_t{kRowTile} * 4;
        store(to, _mm_unpacklo_epi64(ab_low, cd_low));
        store(to + kStep, _mm_unpackhi_epi64(ab_low, cd_low));
        store(to + 2 * kStep, _mm_unpacklo_epi64(ab_high, cd_high));
        store(to + 3 * kStep, _mm_unpackhi_epi64(ab_high, cd_high));
    }
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
        interleave_one(codes[lane] + std::size_t{group} * 4, groups - group,
                       out + (std::size_t{group} * kRowTile + lane) * 4);
    }
}
#endif

}  // namespace

void pack_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
               std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::uint8_t* out,
               std::int32_t* out_terms) {
    const std::uint32_t padded = (count + kRowTile - 1) / kRowTile * kRowTile;
    for (std::uint32_t begin = 0; begin < padded; begin += kRowTile) {
        std::uint8_t* tile = out + std::size_t{begin} * groups * 4;
        const std::uint8_t* lanes[kRowTile];
        for (std::uint32_t lane = 0; lane < kRowTile; ++lane) {
            const std::uint32_t place = begin + lane;
            const std::uint32_t row = row_at(place, index, first, count);
            lanes[lane] = codes + row * stride;
            out_terms[place] = place < count ? terms[row] : kNeverTerm;
        }
        std::uint32_t lane = 0;
#if defined(__SSE2__)
        for (; lane + 4 <= kRowTile; lane += 4) {
            interleave_four(lanes + lane, groups, tile + std::size_t{lane} * 4);
        }
#endif
        for (; lane < kRowTile; ++lane) {
            interleave_one(lanes[lane], groups, tile + std::size_t{lane} * 4);
        }
    }
}

void pack_columns(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
                  std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::int8_t* out,
                  std::int32_t* out_terms) {
    const std::uint32_t padded = (count + kColumnTile - 1) / kColumnTile * kColumnTile;
    for (std::uint32_t begin = 0; begin < padded; begin += kColumnTile) {
        std::int8_t* tile = out + std::size_t{begin} * groups * 4;
        for (std::uint32_t lane = 0; lane < kColumnTile; ++lane) {
            const std::uint32_t place = begin + lane;
            const std::uint32_t row = row_at(place, index, first, count);
            const std::uint8_t* code = codes + row * stride;
            int sum = 0;
            for (std::uint32_t k = 0; k < groups * 4; ++k) {
                sum += code[k];
            }
            sum -= kOffset * static_cast<int>(groups * 4);
            for (std::uint32_t group = 0; group < groups; ++group) {
                std::uint8_t four[4];
                memcpy(four, code + std::size_t{group} * 4, 4);
                for (std::uint8_t& byte : four) {
                    byte = static_cast<std::uint8_t>(byte - kOffset);
                }
                memcpy(tile + (std::size_t{group} * kColumnTile + lane) * 4, four, 4);
            }
            out_terms[place] = (place < count ? -terms[row] : -kNeverTerm) - kOffset * sum;
        }
    }
}

}  // namespace khala::vec::KHALA_VEC_ISA
