// Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see code_kernels.hpp.
//
// The tile product is the whole cost of a join, so it is written per instruction set:
//   v4        vpdpbusd: 64 products a step into int32; 12 rows x 32 columns in registers
//   v3        vpmaddubsw: 32 products a step into int16, widened every 12 groups; 6 rows x 16 columns
//   baseline  plain C++
// The multiply-accumulate of the first two is inline assembly because gcc otherwise moves the accumulators through
// memory (gcc 12, v4: 235 instead of 520 thousand million products a second).
#include "vec/code_kernels.hpp"

#include <math.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace khala::vec::KHALA_VEC_ISA {
namespace {

#if defined(__AVX512VNNI__)
constexpr int kOffset = 128;
constexpr int kLevels = 127;
constexpr std::uint32_t kRowTile = 12;
#elif defined(__AVX2__)
constexpr int kOffset = 64;
constexpr int kLevels = 56;
constexpr std::uint32_t kRowTile = 6;
#else
constexpr int kOffset = 128;
constexpr int kLevels = 127;
constexpr std::uint32_t kRowTile = 4;
#endif

// --- encoding --------------------------------------------------------------------------------------------------------

// vpmaddubsw leaves 16 bits for the sum over 12 groups of (q + offset) * q', separately for slots 0, 1 and 2, 3 of the
// groups: 24 slots each. It fits when |q . q'| + offset * |sum q'| <= 32767, and with these limits it does:
// 90 * 90 + 64 * 380 = 32420. A row that exceeds them is shrunk; what that costs is in its measured error.
constexpr std::size_t kSegment = 48;
constexpr int kSquareMax = 90 * 90;
constexpr int kSumMax = 380;

struct HalfSums {
    int square;
    int sum;
};

HalfSums half_sums(const std::int8_t* codes, std::size_t begin, std::size_t end, std::size_t half) {
    HalfSums sums{0, 0};
    for (std::size_t k = begin + 2 * half; k < end; k += 4) {
        sums.square += codes[k] * codes[k] + codes[k + 1] * codes[k + 1];
        sums.sum += codes[k] + codes[k + 1];
    }
    return sums;
}

bool fits(const HalfSums& sums) {
    return sums.square <= kSquareMax && sums.sum <= kSumMax && sums.sum >= -kSumMax;
}

void shrink_half(std::int8_t* codes, std::size_t begin, std::size_t end, std::size_t half) {
    while (!fits(half_sums(codes, begin, end, half))) {
        for (std::size_t k = begin + 2 * half; k < end; k += 4) {
            codes[k] = static_cast<std::int8_t>(codes[k] * 7 / 8);
            codes[k + 1] = static_cast<std::int8_t>(codes[k + 1] * 7 / 8);
        }
    }
}

void shrink(std::int8_t* codes, std::size_t slots) {
    for (std::size_t begin = 0; begin < slots; begin += kSegment) {
        const std::size_t end = begin + kSegment < slots ? begin + kSegment : slots;
        shrink_half(codes, begin, end, 0);
        shrink_half(codes, begin, end, 1);
    }
}

float square_sum(const float* values, std::size_t count) {
    constexpr std::size_t kLanes = 16;
    float lanes[kLanes] = {};
    const std::size_t whole = count - count % kLanes;
    for (std::size_t k = 0; k < whole; k += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            lanes[lane] += values[k + lane] * values[k + lane];
        }
    }
    float sum = 0;
    for (std::size_t k = whole; k < count; ++k) {
        sum += values[k] * values[k];
    }
    for (const float lane : lanes) {
        sum += lane;
    }
    return sum;
}

// Length of what a prefix leaves out of a vector of squared length `whole`, and how wrong that can be.
struct Rest {
    float length;
    float error;
};

Rest rest_of(float whole, float prefix, const CodeShape& shape) {
    const float square = whole - prefix > 0 ? whole - prefix : 0;
    // Of the prefix 2 |p| e + e^2; and float32 sums of squares, each good to 6e-6 of itself (16 lanes of 64 at most).
    const float wrong =
        shape.square_error + shape.rotation_error * (2 * sqrtf(prefix) + shape.rotation_error) + 6e-6F * prefix + 1e-6F;
    const float length = sqrtf(square);
    const float worst = sqrtf(wrong);
    return {length, length > worst ? wrong / length : worst};
}

// Squared distance of scale * codes from values over slots [begin, end).
float squared_error(const float* values, const std::int8_t* codes, float scale, std::size_t begin, std::size_t end,
                    float* differences) {
    for (std::size_t k = begin; k < end; ++k) {
        differences[k] = values[k] - scale * static_cast<float>(codes[k]);
    }
    return square_sum(differences + begin, end - begin);
}

int squared_length(const std::int8_t* codes, std::size_t begin, std::size_t end) {
    int sum = 0;
    for (std::size_t k = begin; k < end; ++k) {
        const short code = codes[k];
        sum += code * code;
    }
    return sum;
}

struct EncodeBuffers {
    float centred[kSlotsMax];
    float values[kSlotsMax];
    float differences[kSlotsMax];
    std::int8_t codes[kSlotsMax];
};

void encode_row(const float* projected, const CodeShape& shape, EncodeBuffers& buffers, std::uint8_t* out,
                CodeTerms& terms) {
    const std::size_t count = shape.coordinates;
    const bool two_stages = shape.first < shape.slots;
    float* centred = buffers.centred;
    for (std::size_t k = 0; k < count; ++k) {
        centred[k] = projected[k] - shape.centre[k];
    }
    const float whole = 1.0F - 2.0F * projected[count] + shape.centre_square;
    const std::size_t head = two_stages ? shape.first - 1 : count;
    const float head_square = square_sum(centred, head);
    const Rest all =
        shape.complete ? Rest{0, 0} : rest_of(whole, head_square + square_sum(centred + head, count - head), shape);
    const Rest behind_head = two_stages ? rest_of(whole, head_square, shape) : all;

    float* values = buffers.values;
    memcpy(values, centred, head * sizeof(float));
    for (std::size_t k = head; k < shape.first; ++k) {
        values[k] = 0;
    }
    values[shape.first - 1] = two_stages || !shape.complete ? behind_head.length - shape.first_rest : 0;
    if (two_stages) {
        memcpy(values + shape.first, centred + head, (count - head) * sizeof(float));
        for (std::size_t k = shape.first + count - head; k < shape.slots; ++k) {
            values[k] = 0;
        }
        values[shape.slots - 1] = shape.complete ? 0 : all.length - shape.rest;
    }

    std::int8_t* codes = buffers.codes;
    const float steps = 1.0F / shape.scale;
    for (std::size_t k = 0; k < shape.slots; ++k) {
        float code = values[k] * steps;
        code = code > kLevels ? kLevels : code;
        code = code < -kLevels ? -kLevels : code;
        codes[k] = static_cast<std::int8_t>(static_cast<int>(code + (code < 0 ? -0.5F : 0.5F)));
    }
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
    shrink(codes, shape.slots);
#else
    static_cast<void>(shrink);
#endif
    for (std::size_t k = 0; k < shape.slots; ++k) {
        out[k] = static_cast<std::uint8_t>(codes[k] + kOffset);
    }

    const float first_error = squared_error(values, codes, shape.scale, 0, shape.first, buffers.differences);
    const float rest_error = squared_error(values, codes, shape.scale, shape.first, shape.slots, buffers.differences);
    const float marker = buffers.differences[shape.first - 1];
    const int first_square = squared_length(codes, 0, shape.first);
    // The sums above are good to 1e-5 of themselves; the scaling of a row to length 1 is good to 1e-6.
    const float slack = shape.rotation_error + 1e-6F;
    terms.first_square = first_square;
    terms.first_error = sqrtf(first_error) * 1.00001F + slack + behind_head.error;
    if (two_stages) {
        const int skipped = codes[shape.first - 1] * codes[shape.first - 1];
        const float without = first_error - marker * marker;
        terms.square = first_square - skipped + squared_length(codes, shape.first, shape.slots);
        terms.error =
            sqrtf((without > 0 ? without : 0) + rest_error + 1e-5F * first_error) * 1.00001F + slack + all.error;
    } else {
        terms.square = terms.first_square;
        terms.error = terms.first_error;
    }
}

void encode(const float* projected, std::size_t rows, const CodeShape& shape, std::uint8_t* codes, std::size_t stride,
            CodeTerms* terms) {
    EncodeBuffers buffers;
    for (std::size_t row = 0; row < rows; ++row) {
        encode_row(projected + row * (shape.coordinates + 1), shape, buffers, codes + row * stride, terms[row]);
    }
}

// --- packing ---------------------------------------------------------------------------------------------------------

// Writes the 4-byte groups of `lanes` rows side by side: out[group * row_tile + lane].
void interleave_one(const std::uint8_t* code, std::uint32_t groups, std::uint8_t* out) {
    for (std::uint32_t group = 0; group < groups; ++group) {
        memcpy(out + std::size_t{group} * kRowTile * 4, code + std::size_t{group} * 4, 4);
    }
}

#if defined(__SSE2__)
// Four rows at once, four groups at a time.
void interleave_four(const std::uint8_t* const* codes, std::uint32_t groups, std::uint8_t* out) {
    std::uint32_t group = 0;
    for (; group + 4 <= groups; group += 4) {
        const std::size_t at = std::size_t{group} * 4;
        const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[0] + at));
        const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[1] + at));
        const __m128i c = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[2] + at));
        const __m128i d = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes[3] + at));
        const __m128i ab_low = _mm_unpacklo_epi32(a, b);
        const __m128i cd_low = _mm_unpacklo_epi32(c, d);
        const __m128i ab_high = _mm_unpackhi_epi32(a, b);
        const __m128i cd_high = _mm_unpackhi_epi32(c, d);
        std::uint8_t* to = out + std::size_t{group} * kRowTile * 4;
        constexpr std::size_t kStep = std::size_t{kRowTile} * 4;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_unpacklo_epi64(ab_low, cd_low));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + kStep), _mm_unpackhi_epi64(ab_low, cd_low));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 2 * kStep), _mm_unpacklo_epi64(ab_high, cd_high));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 3 * kStep), _mm_unpackhi_epi64(ab_high, cd_high));
    }
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
        interleave_one(codes[lane] + std::size_t{group} * 4, groups - group,
                       out + (std::size_t{group} * kRowTile + lane) * 4);
    }
}
#endif

void pack_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
               std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::uint8_t* out,
               std::int32_t* out_terms) {
    const std::uint32_t padded = (count + kRowTile - 1) / kRowTile * kRowTile;
    for (std::uint32_t begin = 0; begin < padded; begin += kRowTile) {
        std::uint8_t* tile = out + std::size_t{begin} * groups * 4;
        const std::uint8_t* lanes[kRowTile];
        for (std::uint32_t lane = 0; lane < kRowTile; ++lane) {
            const std::uint32_t place = begin + lane;
            const std::uint32_t real = place < count ? place : count - 1;
            const std::uint32_t row = index == nullptr ? first + real : index[real];
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
            const std::uint32_t real = place < count ? place : count - 1;
            const std::uint32_t row = index == nullptr ? first + real : index[real];
            const std::uint8_t* code = codes + row * stride;
            int sum = 0;
            for (std::uint32_t k = 0; k < groups * 4; ++k) {
                sum += code[k];
            }
            sum -= kOffset * static_cast<int>(groups * 4);
            for (std::uint32_t group = 0; group < groups; ++group) {
                std::uint8_t four[4];
                memcpy(four, code + group * 4, 4);
                for (std::uint8_t& byte : four) {
                    byte = static_cast<std::uint8_t>(byte - kOffset);
                }
                memcpy(tile + (group * kColumnTile + lane) * 4, four, 4);
            }
            out_terms[place] = (place < count ? -terms[row] : -kNeverTerm) - kOffset * sum;
        }
    }
}

// --- the tile product ------------------------------------------------------------------------------------------------

struct Writer {
    Candidate* out;
    std::size_t found;

    void add_mask(unsigned mask, std::uint32_t row, std::uint32_t column) {
        while (mask != 0) {
            const auto bit = static_cast<std::uint32_t>(__builtin_ctz(mask));
            mask &= mask - 1;
            out[found++] = {column + bit, row};
        }
    }
};

#if defined(__AVX512VNNI__)

// kPanels panels of 16 columns against kRowTile rows; false when no sum survives, and else the sums are in `out`, panel
// by panel within a row. A function of its own, whose sums have no other use, keeps them in registers.
template <std::uint32_t kPanels>
__attribute__((noinline)) bool tile_sums(const std::uint8_t* rows, const std::int32_t* row_terms,
                                         const std::int8_t* panels, std::size_t panel_bytes,
                                         const std::int32_t* column_terms, std::size_t groups, __m512i* out) {
    constexpr std::uint32_t kRows = kRowTile;
    __m512i sums[kRows][kPanels];
#pragma GCC unroll 12
    for (std::uint32_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (std::uint32_t p = 0; p < kPanels; ++p) {
            sums[r][p] =
                _mm512_sub_epi32(_mm512_loadu_si512(column_terms + kColumnTile * p), _mm512_set1_epi32(row_terms[r]));
        }
    }
    std::size_t group = 0;
    do {
        __m512i four[kPanels];
#pragma GCC unroll 2
        for (std::uint32_t p = 0; p < kPanels; ++p) {
            four[p] = _mm512_loadu_si512(panels + p * panel_bytes + 64 * group);
        }
#pragma GCC unroll 12
        for (std::uint32_t r = 0; r < kRows; ++r) {
            std::int32_t word;
            memcpy(&word, rows + (group * kRows + r) * 4, 4);
            const __m512i broadcast = _mm512_set1_epi32(word);
#pragma GCC unroll 2
            for (std::uint32_t p = 0; p < kPanels; ++p) {
                asm("vpdpbusd %2, %1, %0" : "+v"(sums[r][p]) : "v"(broadcast), "v"(four[p]));
            }
        }
    } while (++group < groups);
    __m512i all = sums[0][0];
#pragma GCC unroll 12
    for (std::uint32_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (std::uint32_t p = 0; p < kPanels; ++p) {
            all = _mm512_and_si512(all, sums[r][p]);
        }
    }
    if (_mm512_movepi32_mask(all) == 0xffff) {
        return false;
    }
#pragma GCC unroll 12
    for (std::uint32_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (std::uint32_t p = 0; p < kPanels; ++p) {
            _mm512_storeu_si512(out + r * kPanels + p, sums[r][p]);
        }
    }
    return true;
}

template <std::uint32_t kPanels>
void tile_product(const PruneTile& tile, std::uint32_t row, std::uint32_t column, Writer& writer) {
    __m512i sums[kRowTile * kPanels];
    if (!tile_sums<kPanels>(tile.rows + std::size_t{row} * tile.groups * 4, tile.row_terms + row,
                            tile.columns + std::size_t{column} * tile.groups * 4, std::size_t{tile.groups} * 64,
                            tile.column_terms + column, tile.groups, sums)) {
        return;
    }
    for (std::uint32_t r = 0; r < kRowTile; ++r) {
        for (std::uint32_t p = 0; p < kPanels; ++p) {
            const auto mask = static_cast<unsigned>(~_mm512_movepi32_mask(sums[r * kPanels + p])) & 0xffffU;
            writer.add_mask(mask, row + r, column + kColumnTile * p);
        }
    }
}

std::size_t prune(const PruneTile& tile, Candidate* out) {
    Writer writer{out, 0};
    const std::uint32_t columns = (tile.column_count + kColumnTile - 1) / kColumnTile * kColumnTile;
    for (std::uint32_t row = 0; row < tile.row_count; row += kRowTile) {
        std::uint32_t column = 0;
        for (; column + 2 * kColumnTile <= columns; column += 2 * kColumnTile) {
            tile_product<2>(tile, row, column, writer);
        }
        if (column < columns) {
            tile_product<1>(tile, row, column, writer);
        }
    }
    return writer.found;
}

#elif defined(__AVX2__)

// At most 12 groups of one panel of 16 columns (two registers of 8) against 6 rows, in int16; then added in int32 to
// the terms (`first`) or to what is in `out`. False when no sum of `out` survives. As above, a function of its own
// keeps its sums in registers.
__attribute__((noinline)) bool segment_sums(const std::uint8_t* rows, const std::int32_t* row_terms,
                                            const std::int8_t* panel, const std::int32_t* column_terms,
                                            std::size_t groups, bool first, __m256i* out) {
    constexpr std::uint32_t kRows = kRowTile;
    __m256i low_sums[kRows] = {};
    __m256i high_sums[kRows] = {};
    std::size_t group = 0;
    do {
// One row: its four codes times the panel's two registers.
#define KHALA_ROW(offset, low, high)                                             \
    "vpbroadcastd " offset                                                       \
    "(%[rows]), %%ymm14\n\tvpmaddubsw %%ymm12, %%ymm14, %%ymm15\n\t"             \
    "vpmaddubsw %%ymm13, %%ymm14, %%ymm14\n\tvpaddw %%ymm15, %[" low "], %[" low \
    "]\n\t"                                                                      \
    "vpaddw %%ymm14, %[" high "], %[" high "]\n\t"
        asm("vmovdqu (%[panel]), %%ymm12\n\tvmovdqu 32(%[panel]), %%ymm13\n\t"  //
            KHALA_ROW("0", "a0", "b0") KHALA_ROW("4", "a1", "b1") KHALA_ROW("8", "a2", "b2") KHALA_ROW("12", "a3", "b3")
                KHALA_ROW("16", "a4", "b4") KHALA_ROW("20", "a5", "b5")
            : [a0] "+x"(low_sums[0]), [b0] "+x"(high_sums[0]), [a1] "+x"(low_sums[1]), [b1] "+x"(high_sums[1]),
              [a2] "+x"(low_sums[2]), [b2] "+x"(high_sums[2]), [a3] "+x"(low_sums[3]), [b3] "+x"(high_sums[3]),
              [a4] "+x"(low_sums[4]), [b4] "+x"(high_sums[4]), [a5] "+x"(low_sums[5]), [b5] "+x"(high_sums[5])
            : [rows] "r"(rows), [panel] "r"(panel)
            : "ymm12", "ymm13", "ymm14", "ymm15", "memory");
#undef KHALA_ROW
        rows += kRows * 4;
        panel += 64;
    } while (++group < groups);
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i low_terms = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(column_terms));
    const __m256i high_terms = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(column_terms + 8));
    __m256i all = _mm256_set1_epi32(-1);
#pragma GCC unroll 6
    for (std::uint32_t r = 0; r < kRows; ++r) {
        const __m256i term = _mm256_set1_epi32(row_terms[r]);
        const __m256i before_low = first ? _mm256_sub_epi32(low_terms, term) : out[2 * r];
        const __m256i before_high = first ? _mm256_sub_epi32(high_terms, term) : out[2 * r + 1];
        out[2 * r] = _mm256_add_epi32(_mm256_madd_epi16(low_sums[r], ones), before_low);
        out[2 * r + 1] = _mm256_add_epi32(_mm256_madd_epi16(high_sums[r], ones), before_high);
        all = _mm256_and_si256(all, _mm256_and_si256(out[2 * r], out[2 * r + 1]));
    }
    return _mm256_movemask_ps(_mm256_castsi256_ps(all)) != 0xff;
}

void tile_product(const PruneTile& tile, std::uint32_t row, std::uint32_t column, Writer& writer) {
    constexpr std::uint32_t kGroups = kSegment / 4;
    const std::uint8_t* rows = tile.rows + std::size_t{row} * tile.groups * 4;
    const std::int8_t* panel = tile.columns + std::size_t{column} * tile.groups * 4;
    __m256i sums[kRowTile * 2];
    bool survives = false;
    for (std::uint32_t done = 0; done < tile.groups; done += kGroups) {
        const std::uint32_t groups = tile.groups - done < kGroups ? tile.groups - done : kGroups;
        survives = segment_sums(rows + std::size_t{done} * kRowTile * 4, tile.row_terms + row,
                                panel + std::size_t{done} * 64, tile.column_terms + column, groups, done == 0, sums);
    }
    if (!survives) {
        return;
    }
    for (std::uint32_t r = 0; r < kRowTile; ++r) {
        const int low = _mm256_movemask_ps(_mm256_castsi256_ps(sums[2 * r]));
        const int high = _mm256_movemask_ps(_mm256_castsi256_ps(sums[2 * r + 1]));
        writer.add_mask(~static_cast<unsigned>(low | (high << 8)) & 0xffffU, row + r, column);
    }
}

std::size_t prune(const PruneTile& tile, Candidate* out) {
    Writer writer{out, 0};
    for (std::uint32_t row = 0; row < tile.row_count; row += kRowTile) {
        for (std::uint32_t column = 0; column < tile.column_count; column += kColumnTile) {
            tile_product(tile, row, column, writer);
        }
    }
    return writer.found;
}

#else

// Rows as int16 in order, so that the inner loop is one that compilers know how to vectorise.
std::size_t prune(const PruneTile& tile, Candidate* out) {
    Writer writer{out, 0};
    const std::uint32_t slots = tile.groups * 4;
    short row_codes[kRowTile][kSlotsMax];
    short column_codes[kSlotsMax];
    for (std::uint32_t row = 0; row < tile.row_count; row += kRowTile) {
        const std::uint8_t* rows = tile.rows + std::size_t{row} * slots;
        for (std::uint32_t k = 0; k < slots; ++k) {
            for (std::uint32_t r = 0; r < kRowTile; ++r) {
                row_codes[r][k] = rows[(k / 4 * kRowTile + r) * 4 + k % 4];
            }
        }
        for (std::uint32_t column = 0; column < tile.column_count; ++column) {
            const std::int8_t* panel = tile.columns + std::size_t{column / kColumnTile * kColumnTile} * slots;
            for (std::uint32_t k = 0; k < slots; ++k) {
                column_codes[k] = panel[(k / 4 * kColumnTile + column % kColumnTile) * 4 + k % 4];
            }
            for (std::uint32_t r = 0; r < kRowTile; ++r) {
                int sum = tile.column_terms[column] - tile.row_terms[row + r];
                for (std::uint32_t k = 0; k < slots; ++k) {
                    sum += row_codes[r][k] * column_codes[k];
                }
                if (sum >= 0) {
                    writer.add_mask(1, row + r, column);
                }
            }
        }
    }
    return writer.found;
}

#endif

// --- the second stage ------------------------------------------------------------------------------------------------

int code_product(const std::uint8_t* a, const std::uint8_t* b, std::size_t slots) {
    int sum = 0;
    for (std::size_t k = 0; k < slots; ++k) {
        const auto x = static_cast<short>(a[k] - kOffset);
        const auto y = static_cast<short>(b[k] - kOffset);
        sum += x * y;
    }
    return sum;
}

std::size_t refine(const RefineTask& task, Candidate* candidates, std::size_t count) {
    constexpr std::size_t kAhead = 8;
    std::size_t kept = 0;
    for (std::size_t index = 0; index < count; ++index) {
        if (index + kAhead < count) {
            __builtin_prefetch(task.left + candidates[index + kAhead].column * task.stride);
            __builtin_prefetch(task.right + candidates[index + kAhead].row * task.stride);
        }
        const Candidate candidate = candidates[index];
        const std::uint8_t* left = task.left + candidate.column * task.stride;
        const std::uint8_t* right = task.right + candidate.row * task.stride;
        const int skipped = (left[task.skipped] - kOffset) * (right[task.skipped] - kOffset);
        const int product = code_product(left, right, task.slots) - skipped;
        if (product >= task.left_terms[candidate.column] + task.right_terms[candidate.row]) {
            candidates[kept++] = candidate;
        }
    }
    return kept;
}

}  // namespace

const CodeKernels& code_kernels() noexcept {
    static constexpr CodeKernels kTable{kOffset, kLevels, kRowTile, encode, pack_rows, pack_columns, prune, refine};
    return kTable;
}

}  // namespace khala::vec::KHALA_VEC_ISA
