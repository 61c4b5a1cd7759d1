// What the integer kernels of one instruction set have in common. Only for the sources that are compiled once per
// instruction set (KHALA_VEC_ISA names the namespace); see code_kernels.hpp. Holds no function.
#pragma once

#include "vec/code_kernels.hpp"

namespace khala::vec::KHALA_VEC_ISA {

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

// Groups that the AVX2 product sums in int16 before it widens them, in slots: see code_encode.cpp.
constexpr std::size_t kSegment = 48;

void encode(const float* projected, std::size_t rows, const CodeShape& shape, std::uint8_t* codes, std::size_t stride,
            CodeTerms* terms);
void pack_rows(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
               std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::uint8_t* out,
               std::int32_t* out_terms);
void pack_columns(const std::uint8_t* codes, std::size_t stride, const std::uint32_t* index, std::uint32_t first,
                  std::uint32_t count, std::uint32_t groups, const std::int32_t* terms, std::int8_t* out,
                  std::int32_t* out_terms);
void nearest_cells(float* scores, std::size_t rows, std::size_t cells, const float* halves, std::uint16_t* own);
std::size_t cells_in_reach(const float* scores, std::size_t rows, std::size_t cells, const float* reach,
                           const std::uint16_t* own, std::uint16_t* counts, std::uint16_t* out);

}  // namespace khala::vec::KHALA_VEC_ISA
