// Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see code_kernels.hpp.
//
// The tile product is the whole cost of a join, so it is written per instruction set:
//   v4        vpdpbusd: 64 products a step into int32; 12 rows x 32 columns in registers
//   v3        vpmaddubsw: 32 products a step into int16, widened every 12 groups; 6 rows x 16 columns
//   baseline  plain C++
// The multiply-accumulate of the first two is inline assembly because gcc otherwise moves the accumulators through
// memory (gcc 12, v4: 235 instead of 520 thousand million products a second).
#include "vec/code_kernels.hpp"

#include <string.h>

#include "vec/code_isa.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace khala::vec::KHALA_VEC_ISA {
namespace {

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
