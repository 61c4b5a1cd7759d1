// Clusters of rows, from the pairs that a join found.
//
// Star clusters are what merging is based on: every member is at least as similar to its canonical row as the
// threshold of the join, and no two canonical rows are similar. They are the greedy maximal independent set in a total
// order that the caller states (`rank`), so the answer depends neither on the order of the rows nor on that of the
// pairs. Connected components look simpler but chain: A like B like C does not make A like C. Real sentence
// embeddings do chain, far below the threshold, so components are a diagnostic here, with the lowest cosine inside each
// as the warning.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/matrix.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

// Columns of equal length; the order of pairs and of the two rows in a pair does not matter, repeats do no harm.
struct PairColumns {
    std::span<const std::int64_t> left;
    std::span<const std::int64_t> right;
    std::span<const double> cosine;
};

// Which row stands for which, as Join::representative; empty = every row for itself. Copies share a cluster.
using Representatives = std::span<const std::int64_t>;

struct Stars {
    std::vector<std::int64_t> canonical;  // for each row its canonical row; canonical rows name themselves
    std::vector<double> cosine;           // of the row to its canonical row; 1 for canonical rows and copies of them
    std::int64_t clusters = 0;            // number of canonical rows
};

// `rank` has one distinct number for each row; the lowest is preferred. A row similar to several canonical rows joins
// the most similar one (equal cosines: the better rank). Rows in no pair are their own canonical row.
// Errors: invalid_argument (lengths, a row out of range, a pair of a row with itself, equal ranks, cosine not finite).
[[nodiscard]] base::Result<Stars> star_clusters(const PairColumns& pairs, std::span<const std::int64_t> rank,
                                                Representatives representative);

struct Components {
    std::vector<std::int64_t> label;  // for each row the lowest row of its component
    std::vector<std::int64_t> root;   // one for each component of two rows or more, ascending: its label,
    std::vector<std::int64_t> size;   // number of rows,
    std::vector<double> min_cosine;   // and the lowest sim64 of any two of its rows
};

// Looks at every pair inside every component, so its cost grows with the square of the largest one.
// Errors: as above, and interrupted, unsupported.
[[nodiscard]] base::Result<Components> components(const MatrixView& matrix, const PairColumns& pairs,
                                                  Representatives representative, const Execution& execution);

}  // namespace khala::vec
