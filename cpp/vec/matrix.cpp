#include "vec/matrix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "vec/invalid.hpp"
#include "vec/isa.hpp"
#include "vec/sim64.hpp"
#include "vec/workers.hpp"

namespace khala::vec {
namespace {

constexpr std::size_t kFaultsNamed = 5;
constexpr std::size_t kPiece = 1024;  // rows a thread takes at a time

// Called for rows whose norm is not a positive finite number; squares of float32 never overflow or vanish in float64.
RowFaultKind kind_of(const float* row, std::size_t dim, double norm) {
    if (norm == 0.0) {
        return RowFaultKind::zero_norm;
    }
    const bool nan = std::any_of(row, row + dim, [](float value) { return std::isnan(value); });
    return nan ? RowFaultKind::nan : RowFaultKind::infinite;
}

base::Error refusal(const std::vector<RowFault>& faults, std::size_t rows, std::string_view field) {
    std::string message = std::to_string(faults.size()) + " of " + std::to_string(rows) + " rows cannot be compared:";
    for (std::size_t index = 0; index < std::min(faults.size(), kFaultsNamed); ++index) {
        message += (index == 0 ? " row " : ", row ") + std::to_string(faults[index].row);
        message.append(" (").append(name(faults[index].kind)).append(")");
    }
    if (faults.size() > kFaultsNamed) {
        message += ", ...";
    }
    return invalid(field, std::move(message));
}

}  // namespace

base::Status check_shape(const MatrixView& matrix, std::string_view field) {
    if (matrix.rows > kRowsMax) {
        return invalid(field, std::to_string(matrix.rows) + " rows; the limit is " + std::to_string(kRowsMax));
    }
    if (matrix.rows > 0 && (matrix.dim == 0 || matrix.dim > kDimMax)) {
        return invalid(field, std::to_string(matrix.dim) + " columns; the limits are 1 and " + std::to_string(kDimMax));
    }
    return {};
}

base::Result<RowCheck> check_rows(const MatrixView& matrix, std::string_view field, Faulty faulty, int threads) {
    KHALA_TRY(check_shape(matrix, field));
    RowCheck check;
    check.norms.resize(matrix.rows);
    const auto dot64 = best_kernels().dot64;
    KHALA_TRY(for_pieces(threads, matrix.rows, kPiece, [&](std::size_t begin, std::size_t end) {
        const FloatEnvironment environment;
        for (std::size_t index = begin; index < end; ++index) {
            check.norms[index] = std::sqrt(dot64(matrix.row(index), matrix.row(index), matrix.dim));
        }
    }));
    for (std::size_t index = 0; index < matrix.rows; ++index) {
        const double norm = check.norms[index];
        if (!(norm > 0.0 && norm <= std::numeric_limits<double>::max())) {
            check.faults.push_back({index, kind_of(matrix.row(index), matrix.dim, norm)});
            check.norms[index] = 0.0;
        }
    }
    if (faulty == Faulty::refuse && !check.faults.empty()) {
        return refusal(check.faults, matrix.rows, field);
    }
    return check;
}

base::Status check_groups(Groups groups, std::size_t rows, std::string_view field) {
    if (!groups.empty() && groups.size() != rows) {
        return invalid(field, std::to_string(groups.size()) + " group numbers for " + std::to_string(rows) + " rows");
    }
    return {};
}

}  // namespace khala::vec
