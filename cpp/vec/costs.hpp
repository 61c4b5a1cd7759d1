// What the parts of a join take, in nanoseconds measured with 384 columns on a Zen 5 at 4.2 GHz. The figures only weigh
// one method against another: wrong ones cost time, never pairs. Not for other folders.
#pragma once

#include <cstddef>
#include <span>

#include "vec/isa.hpp"
#include "vec/planner.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

struct Costs {
    double product;    // a float32 multiply-accumulate of a tile, scan included
    double code;       // one slot of one pair
    double pair;       // a pair, in slots
    double candidate;  // one second-stage slot of a candidate
    double encode;     // one slot of a row
    double pack;       // one slot of a row or column, once a block
    double cell;       // a row and a cell, beside the product of the two
};

[[nodiscard]] Costs costs_of(Isa isa) noexcept;

inline constexpr double kCandidate = 12;     // ns for a candidate, whatever its length
inline constexpr double kDecision = 40;      // ns for a survivor
inline constexpr double kDecisionMac = 0.2;  // and for each of its columns

// Work that does not depend on the layout.
struct Volume {
    double tested = 0;  // pairs that codes are multiplied for: of a diagonal block both halves
    double pairs = 0;   // that there are
    double lines = 0;   // rows and columns packed
    double rows = 0;    // to encode
    double dim = 0;
};

[[nodiscard]] Volume volume_of(const Side& left, const Side& right, std::span<const Block> blocks);

[[nodiscard]] double seconds_of_products(const Volume& volume, const Costs& costs);

// Covariance, three rounds of products and four of making directions orthonormal, which runs at a third of the speed.
[[nodiscard]] double seconds_of_fit(std::size_t dim, std::size_t width, const Costs& costs);

// `tested`: the share of the pairs that are tested at all.
[[nodiscard]] double seconds_of_codes(const Volume& volume, const Costs& costs, const JoinPlan& plan, double tested);

// Of `cells` cells for `rows` rows, each near `near` of them, with centres of `width` floats that were trained on
// `trained` rows.
struct CellWork {
    double cells = 0;
    double rows = 0;
    double near = 0;
    double width = 0;
    double trained = 0;
};
[[nodiscard]] double seconds_of_cells(const CellWork& work, const Costs& costs);
[[nodiscard]] double seconds_of_training(const CellWork& work, const Costs& costs);

}  // namespace khala::vec
