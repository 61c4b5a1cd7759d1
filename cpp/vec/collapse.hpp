// Byte-identical rows become one: the cheapest part of a join, and on real texts most of its answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vec/matrix.hpp"

namespace khala::vec {

struct RowHash {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend auto operator<=>(const RowHash&, const RowHash&) = default;
};

// XXH3-128 of the row's bytes. Equal hashes are only ever a reason to compare the bytes.
[[nodiscard]] RowHash hash_row(const float* row, std::size_t dim) noexcept;

// The comparable rows without their copies, laid out group after group.
struct Collapsed {
    std::vector<std::uint32_t> representative;  // for each row the lowest row of its group with the same bytes; a row
                                                // that cannot be compared represents itself
    std::vector<std::uint32_t> rows;            // representatives that can be compared, by (group, row)
    std::vector<std::size_t> starts;            // group g is rows[starts[g], starts[g + 1]); one more than groups
    std::vector<std::int32_t> groups;           // the number of each group, ascending
};

// `norms` as from check_rows: a row with norm 0 takes no part. Rows whose norm no other row of their group has are not
// hashed. `hash` is replaceable so that collisions can be tested.
[[nodiscard]] Collapsed collapse(const MatrixView& matrix, std::span<const double> norms, Groups groups,
                                 RowHash (*hash)(const float*, std::size_t) noexcept = hash_row, int threads = 1);

// The same layout without looking for copies.
[[nodiscard]] Collapsed group_rows(std::span<const double> norms, Groups groups);

}  // namespace khala::vec
