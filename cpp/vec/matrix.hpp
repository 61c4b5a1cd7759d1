// Rows of float32, as they arrive: a view, and the check that every row can be compared.
//
// A row can be compared when all of its elements are finite and at least one is not zero. Rows that cannot are listed
// by index and kind, never dropped in silence; what happens next (refuse the call, or leave those rows out and say so)
// is the caller's choice, see Faulty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace khala::vec {

// A row number always fits std::int32_t, and the float32 tolerance (join.hpp) stays below 0.004 in every dimension.
inline constexpr std::size_t kRowsMax = (std::size_t{1} << 31) - 1;
inline constexpr std::size_t kDimMax = std::size_t{1} << 16;

// C-contiguous rows, `dim` floats each. Does not own: the data must outlive the view and stay unchanged during a call.
struct MatrixView {
    const float* data = nullptr;
    std::size_t rows = 0;
    std::size_t dim = 0;

    [[nodiscard]] const float* row(std::size_t index) const noexcept { return data + index * dim; }
};

enum class RowFaultKind : std::uint8_t { nan, infinite, zero_norm };

[[nodiscard]] constexpr std::string_view name(RowFaultKind kind) noexcept {
    switch (kind) {
        case RowFaultKind::nan: return "nan";
        case RowFaultKind::infinite: return "infinite";
        case RowFaultKind::zero_norm: return "zero_norm";
    }
    return "unknown";
}

struct RowFault {
    std::size_t row = 0;
    RowFaultKind kind = RowFaultKind::nan;

    friend bool operator==(const RowFault&, const RowFault&) = default;
};

// What a kernel does about faulty rows: refuse the call naming them, or leave them out of it and list them.
enum class Faulty : std::uint8_t { refuse, report };

struct RowCheck {
    std::vector<double> norms;     // one for each row; 0 for a faulty row
    std::vector<RowFault> faults;  // ascending by row
};

// A matrix of any height, with 1..kDimMax columns when it has rows; the error names `field`.
[[nodiscard]] base::Status check_shape(const MatrixView& matrix, std::string_view field);

// check_shape, then every row. Under Faulty::refuse the error names the first faulty rows and their number.
[[nodiscard]] base::Result<RowCheck> check_rows(const MatrixView& matrix, std::string_view field, Faulty faulty,
                                                int threads = 1);

// One group number for each row, or none at all (then all rows are one group). Rows of different groups never meet.
using Groups = std::span<const std::int32_t>;
[[nodiscard]] base::Status check_groups(Groups groups, std::size_t rows, std::string_view field);

}  // namespace khala::vec
