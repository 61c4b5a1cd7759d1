// Clusters of rows, from the pairs that a join found.
//
// Star clusters are what merging is based on: every member is at least as similar to its canonical row as the
// threshold of the join, and no two canonical rows are similar. They are the greedy maximal independent set in a total
// order that the caller states (`rank`). Complete-link clusters are the careful kind: every two members reach the
// threshold. Connected components look simpler but chain: A like B like C does not make A like C. Real sentence
// embeddings do chain, far below the threshold, so components are for reports, with what inner_pairs says of them.
//
// No answer depends on the order of the rows or on that of the pairs, only on `rank`: one distinct number for each row,
// the lowest preferred. Errors of all: invalid_argument (lengths, a row out of range, a pair of a row with itself,
// equal ranks, cosine not finite).
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

// A row similar to several canonical rows joins the most similar one (equal cosines: the better rank). Rows in no pair
// are their own canonical row.
[[nodiscard]] base::Result<Stars> star_clusters(const PairColumns& pairs, std::span<const std::int64_t> rank,
                                                Representatives representative);

// For each row the best-ranked row of its cluster. Agglomerative: the two clusters whose least similar rows are most
// similar become one (equal: the better ranks), as long as all pairs between them are among `pairs`.
[[nodiscard]] base::Result<std::vector<std::int64_t>> complete_clusters(const PairColumns& pairs,
                                                                        std::span<const std::int64_t> rank,
                                                                        Representatives representative);

// For each row the best-ranked row of its connected component.
[[nodiscard]] base::Result<std::vector<std::int64_t>> component_clusters(const PairColumns& pairs,
                                                                         std::span<const std::int64_t> rank,
                                                                         Representatives representative);

// What clusters look like inside: columns with one element for each cluster of two rows or more, ascending by
// canonical.
struct InnerPairs {
    std::vector<std::int64_t> canonical;
    std::vector<std::int64_t> size;   // number of rows
    std::vector<double> min_cosine;   // the lowest sim64 of any two of its rows
    std::vector<std::int64_t> below;  // pairs of its rows whose sim64 is below the threshold
};

// Looks at every pair inside every cluster, so its cost grows with the square of the largest one. `canonical` is as
// from the functions above. Errors: invalid_argument (lengths, a canonical row that does not name itself, a row of a
// cluster that cannot be compared), interrupted, unsupported.
[[nodiscard]] base::Result<InnerPairs> inner_pairs(const MatrixView& matrix, std::span<const std::int64_t> canonical,
                                                   double threshold, const Execution& execution);

}  // namespace khala::vec
