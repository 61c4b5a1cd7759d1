// Whether cells pay, and how many: decided by what centres that were trained on some rows leave of others.
// Not for other folders.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "vec/cells.hpp"
#include "vec/costs.hpp"
#include "vec/planner.hpp"

namespace khala::vec {

struct CellQuestion {
    const Side& rows;
    std::span<const std::size_t> starts;  // of their groups
    const Rotation& rotation;
    const Volume& volume;
    std::span<const JoinPlan> layouts;  // to choose from, with what passes their stages
    double threshold = 0;
    bool asked = false;     // for cells, whether they pay or not
    std::size_t cells = 0;  // that many; 0: as many as pay best
    Isa isa = Isa::baseline;
    int threads = 1;
};

struct CellChoice {
    CellModel model;
    JoinPlan plan;
};

// Nothing when rows are better left as they are. Errors: internal (out of memory).
[[nodiscard]] base::Result<std::optional<CellChoice>> choose_cells(const CellQuestion& question);

// Most places near cells that may be kept: a sixth of the float32 matrix, lists and what they are made of together.
[[nodiscard]] std::uint64_t places_max(std::size_t rows, std::size_t dim) noexcept;

// Groups of at least this many rows are taken apart.
[[nodiscard]] std::size_t least_rows(bool asked) noexcept;

}  // namespace khala::vec
