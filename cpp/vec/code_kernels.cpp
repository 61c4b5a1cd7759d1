// Compiled once per instruction set, with KHALA_VEC_ISA naming the namespace; see code_kernels.hpp.
//
// The tile product is the whole cost of a join, so it is written per instruction set:
//   v4        vpdpbusd: 64 products a step into int32; 12 rows x 32 columns in registers
//   v3        vpmaddubsw: 32 products a step into int16, widened every 12 groups; 6 rows x 16 columns
//   baseline  plain C++
// The multiply-accumulate of the first two is inline assembly because gcc otherwise moves the accumulators through
// memory (gcc 12, v4: 235 instead of 520 thousand million products a second). Of v3 the whole row of tiles is, since a
// tile of few groups costs as much around its products as in them (bench/cpp/code_bench.cpp measures it).
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
template <std::size_t kPanels>
__attribute__((noinline)) bool tile_sums(const std::uint8_t* rows, const std::int32_t* row_terms,
                                         const std::int8_t* panels, std::size_t panel_bytes,
                                         const std::int32_t* column_terms, std::size_t groups, __m512i* out) {
    constexpr std::size_t kRows = kRowTile;
    __m512i sums[kRows][kPanels];
#pragma GCC unroll 12
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (std::size_t p = 0; p < kPanels; ++p) {
            sums[r][p] =
                _mm512_sub_epi32(_mm512_loadu_si512(column_terms + kColumnTile * p), _mm512_set1_epi32(row_terms[r]));
        }
    }
    std::size_t group = 0;
    do {
        __m512i four[kPanels];
#pragma GCC unroll 2
        for (std::size_t p = 0; p < kPanels; ++p) {
            four[p] = _mm512_loadu_si512(panels + p * panel_bytes + 64 * group);
        }
#pragma GCC unroll 12
        for (std::size_t r = 0; r < kRows; ++r) {
            std::int32_t word = 0;
            memcpy(&word, rows + (group * kRows + r) * 4, 4);
            const __m512i broadcast = _mm512_set1_epi32(word);
#pragma GCC unroll 2
            for (std::size_t p = 0; p < kPanels; ++p) {
                asm("vpdpbusd %2, %1, %0" : "+v"(sums[r][p]) : "v"(broadcast), "v"(four[p]));
            }
        }
    } while (++group < groups);
    __m512i all = sums[0][0];
#pragma GCC unroll 12
    for (const auto& row_sums : sums) {
#pragma GCC unroll 2
        for (const __m512i& sum : row_sums) {
            all = _mm512_and_si512(all, sum);
        }
    }
    if (_mm512_movepi32_mask(all) == 0xffff) {
        return false;
    }
#pragma GCC unroll 12
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (std::size_t p = 0; p < kPanels; ++p) {
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

// One row in one group, its four codes times the panel's two registers: the first group makes the int16 sums, all
// others are added.
#define KHALA_FIRST(offset, low, high)                                                \
    "vpbroadcastd " offset "(%[row]), %%ymm14\n\tvpmaddubsw %%ymm12, %%ymm14, %%" low \
    "\n\tvpmaddubsw %%ymm13, %%ymm14, %%" high "\n\t"
#define KHALA_NEXT(offset, low, high)                                                                         \
    "vpbroadcastd " offset                                                                                    \
    "(%[row]), %%ymm14\n\tvpmaddubsw %%ymm12, %%ymm14, %%ymm15\n\t"                                           \
    "vpmaddubsw %%ymm13, %%ymm14, %%ymm14\n\tvpaddw %%ymm15, %%" low ", %%" low "\n\tvpaddw %%ymm14, %%" high \
    ", %%" high "\n\t"
// int32 sums with the columns' terms; the larger of the two registers against the row's limit.
#define KHALA_WIDEN(low, high)                                                                                     \
    "vpmaddwd %%ymm12, %%" low ", %%" low "\n\tvpmaddwd %%ymm12, %%" high ", %%" high "\n\tvpaddd %%ymm13, %%" low \
    ", %%" low "\n\tvpaddd %%ymm14, %%" high ", %%" high "\n\t"
#define KHALA_TEST(limit, low, high, into) \
    "vpmaxsd %%" low ", %%" high ", %%ymm15\n\tvpcmpgtd " limit "(%[limits]), %%ymm15, %%" into "\n\t"
#define KHALA_EACH_ROW(step)                                                                                 \
    step("0", "ymm0", "ymm1") step("4", "ymm2", "ymm3") step("8", "ymm4", "ymm5") step("12", "ymm6", "ymm7") \
        step("16", "ymm8", "ymm9") step("20", "ymm10", "ymm11")
#define KHALA_PANEL "vmovdqu (%[panel]), %%ymm12\n\tvmovdqu 32(%[panel]), %%ymm13\n\t"
#define KHALA_STEP "add $24, %[row]\n\tadd $64, %[panel]\n\tdec %[left]\n\t"

// Where a row of tiles stands, and what it is tested against.
struct RowOfTiles {
    const std::int8_t* panel;                      // the next one
    const std::int32_t* column_terms;              // its terms
    std::size_t panels;                            // still to be looked at, at least one
    alignas(32) std::int32_t limits[kRowTile][8];  // row's term - 1, eight times
    alignas(32) std::int16_t ones[16];
};

// Six rows against panels of 16 columns, at most 12 groups long, until one has a survivor: then its sums with the
// columns' terms are in `out` and the panel counts as looked at. False when none is left.
bool next_survivors(const std::uint8_t* rows, std::size_t groups, RowOfTiles& tiles, __m256i* out) {
    static_assert(kRowTile == 6 && kColumnTile == 16);
    const std::uint8_t* row = nullptr;
    std::size_t left = 0;
    asm volatile(
        "1:\n\tmov %[rows], %[row]\n\tmov %[groups], %[left]\n\t"  // a panel
        KHALA_PANEL KHALA_EACH_ROW(KHALA_FIRST) KHALA_STEP
        "jz 3f\n\t.p2align 4\n2:\n\t"  // a group
        KHALA_PANEL KHALA_EACH_ROW(KHALA_NEXT) KHALA_STEP
        "jnz 2b\n3:\n\t"
        "vmovdqu 192(%[limits]), %%ymm12\n\tvmovdqu (%[terms]), %%ymm13\n\tvmovdqu 32(%[terms]), %%ymm14\n\t"
        KHALA_WIDEN("ymm0", "ymm1") KHALA_WIDEN("ymm2", "ymm3") KHALA_WIDEN("ymm4", "ymm5")
        KHALA_WIDEN("ymm6", "ymm7") KHALA_WIDEN("ymm8", "ymm9") KHALA_WIDEN("ymm10", "ymm11")
        KHALA_TEST("", "ymm0", "ymm1", "ymm12") KHALA_TEST("32", "ymm2", "ymm3", "ymm13")
        KHALA_TEST("64", "ymm4", "ymm5", "ymm14") "vpor %%ymm12, %%ymm13, %%ymm13\n\t"
        KHALA_TEST("96", "ymm6", "ymm7", "ymm12") "vpor %%ymm12, %%ymm14, %%ymm14\n\t"
        KHALA_TEST("128", "ymm8", "ymm9", "ymm12") "vpor %%ymm12, %%ymm13, %%ymm13\n\t"
        KHALA_TEST("160", "ymm10", "ymm11", "ymm12") "vpor %%ymm12, %%ymm14, %%ymm14\n\t"
        "vpor %%ymm13, %%ymm14, %%ymm14\n\t"
        "add $64, %[terms]\n\tvpmovmskb %%ymm14, %k[left]\n\ttest %k[left], %k[left]\n\tjnz 4f\n\t"
        "dec %[panels]\n\tjnz 1b\n\tjmp 5f\n"
        "4:\n\tdec %[panels]\n\t"
        "vmovdqu %%ymm0, (%[out])\n\tvmovdqu %%ymm1, 32(%[out])\n\tvmovdqu %%ymm2, 64(%[out])\n\t"
        "vmovdqu %%ymm3, 96(%[out])\n\tvmovdqu %%ymm4, 128(%[out])\n\tvmovdqu %%ymm5, 160(%[out])\n\t"
        "vmovdqu %%ymm6, 192(%[out])\n\tvmovdqu %%ymm7, 224(%[out])\n\tvmovdqu %%ymm8, 256(%[out])\n\t"
        "vmovdqu %%ymm9, 288(%[out])\n\tvmovdqu %%ymm10, 320(%[out])\n\tvmovdqu %%ymm11, 352(%[out])\n"
        "5:\n\t"
        : [row] "=&r"(row), [left] "=&r"(left), [panel] "+r"(tiles.panel), [terms] "+r"(tiles.column_terms),
          [panels] "+r"(tiles.panels)
        : [rows] "r"(rows), [groups] "r"(groups), [limits] "r"(tiles.limits), [out] "r"(out)
        : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10", "ymm11", "ymm12",
          "ymm13", "ymm14", "ymm15", "memory", "cc");
    return left != 0;
}

#define KHALA_ADD(at, sums)                                                                                        \
    "vpmaddwd %%ymm12, %%" sums ", %%" sums "\n\tvpaddd " at "(%[out]), %%" sums ", %%" sums "\n\tvmovdqu %%" sums \
    ", " at "(%[out])\n\t"

// Adds the products of six rows with one panel, at most 12 groups, to the sums in `out`; moves both on.
void add_segment(const std::uint8_t*& row, const std::int8_t*& panel, std::size_t groups, const std::int16_t* ones,
                 __m256i* out) {
    asm volatile(KHALA_PANEL KHALA_EACH_ROW(KHALA_FIRST) KHALA_STEP
                 "jz 3f\n\t.p2align 4\n2:\n\t" KHALA_PANEL KHALA_EACH_ROW(KHALA_NEXT) KHALA_STEP
                 "jnz 2b\n3:\n\tvmovdqu (%[ones]), %%ymm12\n\t" KHALA_ADD("0", "ymm0") KHALA_ADD("32", "ymm1")
                     KHALA_ADD("64", "ymm2") KHALA_ADD("96", "ymm3") KHALA_ADD("128", "ymm4") KHALA_ADD("160", "ymm5")
                         KHALA_ADD("192", "ymm6") KHALA_ADD("224", "ymm7") KHALA_ADD("256", "ymm8")
                             KHALA_ADD("288", "ymm9") KHALA_ADD("320", "ymm10") KHALA_ADD("352", "ymm11")
                 : [row] "+r"(row), [panel] "+r"(panel), [left] "+r"(groups)
                 : [ones] "r"(ones), [out] "r"(out)
                 : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10", "ymm11",
                   "ymm12", "ymm13", "ymm14", "ymm15", "memory", "cc");
}
#undef KHALA_ADD
#undef KHALA_FIRST
#undef KHALA_NEXT
#undef KHALA_WIDEN
#undef KHALA_TEST
#undef KHALA_EACH_ROW
#undef KHALA_PANEL
#undef KHALA_STEP

__m256i load(const std::int32_t* eight) {
    const void* const from = eight;
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// The same for rows of any number of groups: sums are widened every 12 and kept in `out`.
bool next_survivors_of_long(const std::uint8_t* rows, std::size_t groups, RowOfTiles& tiles, __m256i* out) {
    constexpr std::size_t kGroups = kSegment / 4;
    while (tiles.panels != 0) {
        const __m256i low_terms = load(tiles.column_terms);
        const __m256i high_terms = load(tiles.column_terms + kColumnTile / 2);
        for (std::size_t r = 0; r < kRowTile; ++r) {
            out[2 * r] = low_terms;
            out[2 * r + 1] = high_terms;
        }
        const std::uint8_t* row = rows;
        for (std::size_t left = groups; left != 0;) {
            const std::size_t segment = left < kGroups ? left : kGroups;
            add_segment(row, tiles.panel, segment, tiles.ones, out);
            left -= segment;
        }
        --tiles.panels;
        tiles.column_terms += kColumnTile;
        __m256i any = _mm256_setzero_si256();
        for (std::size_t r = 0; r < kRowTile; ++r) {
            const __m256i limit = load(tiles.limits[r]);
            any = _mm256_or_si256(any, _mm256_cmpgt_epi32(_mm256_max_epi32(out[2 * r], out[2 * r + 1]), limit));
        }
        if (_mm256_movemask_epi8(any) != 0) {
            return true;
        }
    }
    return false;
}

void prune_row(const PruneTile& tile, std::uint32_t row, Writer& writer) {
    const std::size_t panels = (tile.column_count + kColumnTile - 1) / kColumnTile;
    const std::uint8_t* rows = tile.rows + std::size_t{row} * tile.groups * 4;
    const auto next = tile.groups <= kSegment / 4 ? next_survivors : next_survivors_of_long;
    RowOfTiles tiles{tile.columns, tile.column_terms, panels, {}, {}};
    for (std::uint32_t r = 0; r < kRowTile; ++r) {
        for (std::int32_t& limit : tiles.limits[r]) {
            limit = tile.row_terms[row + r] - 1;
        }
    }
    for (std::int16_t& one : tiles.ones) {
        one = 1;
    }
    __m256i sums[kRowTile * 2];
    while (tiles.panels != 0 && next(rows, tile.groups, tiles, sums)) {
        const auto column = static_cast<std::uint32_t>(panels - tiles.panels - 1) * kColumnTile;
        for (std::size_t r = 0; r < kRowTile; ++r) {
            const __m256i limit = load(tiles.limits[r]);
            const int low = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(sums[2 * r], limit)));
            const int high = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(sums[2 * r + 1], limit)));
            writer.add_mask(static_cast<unsigned>(low | (high << 8)), row + static_cast<std::uint32_t>(r), column);
        }
    }
}

std::size_t prune(const PruneTile& tile, Candidate* out) {
    Writer writer{out, 0};
    for (std::uint32_t row = 0; row < tile.row_count; row += kRowTile) {
        prune_row(tile, row, writer);
    }
    return writer.found;
}

#else

// Rows as int16 in order, so that the inner loop is one that compilers know how to vectorise.
std::size_t prune(const PruneTile& tile, Candidate* out) {
    Writer writer{out, 0};
    const std::uint32_t slots = tile.groups * 4;
    std::int16_t row_codes[kRowTile][kSlotsMax];
    std::int16_t column_codes[kSlotsMax];
    for (std::uint32_t row = 0; row < tile.row_count; row += kRowTile) {
        const std::uint8_t* rows = tile.rows + std::size_t{row} * slots;
        for (std::uint32_t k = 0; k < slots; ++k) {
            for (std::uint32_t r = 0; r < kRowTile; ++r) {
                row_codes[r][k] = rows[(k / 4 * kRowTile + r) * 4 + k % 4];
            }
        }
        for (std::uint32_t column = 0; column < tile.column_count; ++column) {
            const std::int8_t* panel = tile.columns + std::size_t{column / kColumnTile} * kColumnTile * slots;
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
        const auto x = static_cast<std::int16_t>(a[k] - kOffset);
        const auto y = static_cast<std::int16_t>(b[k] - kOffset);
        sum += x * y;
    }
    return sum;
}

void fetch(const std::uint8_t* row, std::size_t bytes) {
    constexpr std::size_t kLine = 64;
    for (std::size_t at = 0; at < bytes; at += kLine) {
        __builtin_prefetch(row + at);
    }
}

std::size_t refine(const RefineTask& task, Candidate* candidates, std::size_t count) {
    constexpr std::size_t kAhead = 8;
    std::size_t kept = 0;
    for (std::size_t index = 0; index < count; ++index) {
        if (index + kAhead < count) {
            fetch(task.left + candidates[index + kAhead].column * task.stride, task.slots);
            fetch(task.right + candidates[index + kAhead].row * task.stride, task.slots);
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
    static constexpr CodeKernels kTable{kOffset,      kLevels, kRowTile, encode,        pack_rows,
                                        pack_columns, prune,   refine,   nearest_cells, cells_in_reach};
    return kTable;
}

}  // namespace khala::vec::KHALA_VEC_ISA
