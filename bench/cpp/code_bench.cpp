// How near the first stage of a join comes to what the processor can multiply. Pin it: taskset -c 0 ./code_bench
//
// The ceiling is measured here as well: `vpmaddubsw` alone, and with the `vpaddw` that every sum of products needs, on
// registers, without a load. Products counted are those of the codes: a slot of a pair is one.
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "vec/code_kernels.hpp"
#include "vec/isa.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using khala::vec::Candidate;
using khala::vec::Isa;

constexpr int kRounds = 40;
constexpr std::uint32_t kRows = 504;     // as pruner.hpp has them
constexpr std::uint32_t kColumns = 512;  // and sweep.hpp
constexpr std::uint32_t kRepeats = 20;

// The best of some rounds: all others were disturbed.
template <typename Work>
double best_seconds(const Work& work) {
    double best = 1e9;
    for (int round = 0; round < kRounds; ++round) {
        const auto begun = Clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(Clock::now() - begun).count());
    }
    return best;
}

constexpr std::uint64_t kCeilingRounds = 400'000;

#define KHALA_TWELVE(step)                                                                                         \
    step("0") step("1") step("2") step("3") step("4") step("5") step("6") step("7") step("8") step("9") step("10") \
        step("11")

__attribute__((target("avx2"))) void multiply_alone() {
    for (std::uint64_t round = 0; round < kCeilingRounds; ++round) {
#define KHALA_STEP(n) "vpmaddubsw %%ymm12, %%ymm13, %%ymm" n "\n\t"
        asm volatile(KHALA_TWELVE(KHALA_STEP)::
                         : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10",
                           "ymm11");
#undef KHALA_STEP
    }
}

__attribute__((target("avx2"))) void multiply_and_add() {
    for (std::uint64_t round = 0; round < kCeilingRounds; ++round) {
#define KHALA_STEP(n) "vpmaddubsw %%ymm12, %%ymm13, %%ymm14\n\tvpaddw %%ymm14, %%ymm" n ", %%ymm" n "\n\t"
        asm volatile(KHALA_TWELVE(KHALA_STEP)::
                         : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10",
                           "ymm11", "ymm14");
#undef KHALA_STEP
    }
}

// 12 instructions of 32 products a round.
double ceiling(void (*work)()) {
    return static_cast<double>(kCeilingRounds) * 12 * 32 / best_seconds(work) * 1e-9;
}

// Products a nanosecond when about one pair in `rarity` survives.
double kernel(Isa isa, std::uint32_t slots, double share) {
    const khala::vec::CodeKernels& kernels = khala::vec::code_kernels_for(isa);
    const std::uint32_t groups = slots / 4;
    std::vector<std::uint8_t> codes(std::size_t{kColumns} * slots);
    std::uint32_t state = 1;
    for (std::uint8_t& code : codes) {
        int sum = 0;
        for (int dice = 0; dice < 4; ++dice) {
            state = state * 1664525U + 1013904223U;
            sum += static_cast<int>((state >> 16U) % 25U) - 12;
        }
        code = static_cast<std::uint8_t>(kernels.offset + sum);
    }
    std::vector<int> products;
    for (std::uint32_t i = 0; i < kRows; ++i) {
        for (std::uint32_t j = 0; j < 64; ++j) {
            int sum = 0;
            for (std::uint32_t k = 0; k < slots; ++k) {
                sum += (codes[std::size_t{i} * slots + k] - kernels.offset) *
                       (codes[std::size_t{j} * slots + k] - kernels.offset);
            }
            products.push_back(sum);
        }
    }
    std::sort(products.begin(), products.end(), std::greater<>{});
    const int cut = products[static_cast<std::size_t>(share * static_cast<double>(products.size()))];
    std::vector<std::int32_t> terms(kColumns, cut / 2 + 1);
    std::vector<std::uint8_t> rows(std::size_t{kRows + 16} * slots);
    std::vector<std::int8_t> columns(std::size_t{kColumns} * slots);
    std::vector<std::int32_t> row_terms(kRows + 16);
    std::vector<std::int32_t> column_terms(kColumns);
    kernels.pack_rows(codes.data(), slots, nullptr, 0, kRows, groups, terms.data(), rows.data(), row_terms.data());
    kernels.pack_columns(codes.data(), slots, nullptr, 0, kColumns, groups, terms.data(), columns.data(),
                         column_terms.data());
    std::vector<Candidate> out(std::size_t{kRows} * kColumns);
    const khala::vec::PruneTile tile{rows.data(),         row_terms.data(), kRows, columns.data(),
                                     column_terms.data(), kColumns,         groups};
    std::size_t found = 0;
    const double seconds = best_seconds([&] {
        for (std::uint32_t repeat = 0; repeat < kRepeats; ++repeat) {
            found = kernels.prune(tile, out.data());
        }
    });
    std::printf("  %zu of %u pairs pass; ", found, kRows * kColumns);
    return 1e-9 * kRepeats * kRows * kColumns * static_cast<double>(slots) / seconds;
}

}  // namespace

int main() {
    const auto isa = khala::vec::resolve_isa(Isa::automatic);
    if (!isa.ok()) {
        std::fprintf(stderr, "no kernels for this processor\n");
        return EXIT_FAILURE;
    }
    const double alone = ceiling(multiply_alone);
    const double added = ceiling(multiply_and_add);
    std::printf("vpmaddubsw alone %.0f, with vpaddw %.0f thousand million products a second\n", alone, added);
    for (const double share : {0.0, 0.0005, 0.002}) {
        for (const std::uint32_t slots : std::array<std::uint32_t, 7>{16, 24, 32, 40, 48, 64, 96}) {
            const double rate = kernel(isa.value(), slots, share);
            std::printf("%s, %u slots: %.0f, %.0f %% of vpmaddubsw with vpaddw, %.0f %% of it alone\n",
                        name(isa.value()).data(), slots, rate, 100 * rate / added, 100 * rate / alone);
        }
    }
    return EXIT_SUCCESS;
}
