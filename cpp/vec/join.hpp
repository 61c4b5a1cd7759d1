// Exact threshold joins: which pairs of rows have a cosine of at least t, all of them and nothing else.
//
//   self_join   every pair i < j of one matrix
//   match_rows  every (query, row) of two matrices, or the best k rows of each query
//
// How: leave out rows that cannot be compared (and say so) -> collapse byte-identical rows -> plan (planner.hpp), which
// may sort the rows of a self join by cells and leave out pairs of those (cells.hpp) ->
// sweep codes or float32 tiles for candidates -> sim64 decides and is what is reported -> sort. So a pair is in the
// answer exactly when its sim64 reaches the threshold, whatever the processor, the number of threads and the order of
// the rows.
//
// Rows are partitioned by group numbers; rows of different groups are never compared. Every result carries a
// certificate: what was compared and how often float64 had to step in, and an order-independent hash of the pair set
// with which two runs, or two programs, can be compared.
//
// Functions here are thread-safe; they use Execution::threads threads and return when those have ended. They hold
// about 40 bytes a pair besides the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "vec/collapse.hpp"
#include "vec/matrix.hpp"
#include "vec/planner.hpp"
#include "vec/sweep.hpp"

namespace khala::vec {

inline constexpr std::uint64_t kPairsDefault = 10'000'000;  // what `max_pairs` is when nobody says otherwise

// What becomes of byte-identical rows. `collapse` answers with the pairs of their representatives alone (a thousand
// copies of a row make half a million pairs); Join::representative says which row stands for which.
enum class Copies : std::uint8_t { expand, collapse };

struct JoinOptions {
    double threshold = 0.95;  // [-1, 1]
    Groups groups = {};       // empty or one for each row
    std::uint64_t max_pairs = kPairsDefault;
    Copies copies = Copies::expand;
    Faulty faulty = Faulty::refuse;
    Execution execution = {};
    PlanOptions plan = {};
};

struct StageSeconds {
    double check = 0;     // finite, norms
    double collapse = 0;  // copies and groups
    double prepare = 0;   // plan, rotation and codes
    double sweep = 0;     // tests of codes, float32 products and float64 decisions
    double finish = 0;    // expand, sort, hash
};

struct Certificate {
    std::uint64_t rows = 0;             // as given (both matrices)
    std::uint64_t compared_rows = 0;    // after faulty rows and copies were taken out
    std::uint64_t pairs_evaluated = 0;  // looked at in whatever way; equals the number of pairs there are
    std::uint64_t pairs_ruled_out = 0;  // of these, by cells, a cell at a time
    std::uint64_t pairs_coded = 0;      // tested by codes, with cells some of them twice; the others are products
    std::uint64_t first_stage = 0;      // of the coded ones, those that passed the first stage
    std::uint64_t candidates = 0;       // that passed all stages, or whose product is at most tolerance below
    std::uint64_t rechecked = 0;        // candidates that float32 alone could not have decided, and coded ones
    std::uint64_t pairs = 0;            // in the answer
    std::uint64_t set_hash = 0;         // pair_set_hash of the answer
    double threshold = 0;
    double tolerance = 0;  // half width of the band that is rechecked
    Isa isa = Isa::baseline;
    int threads = 1;
    JoinPlan plan;
    StageSeconds seconds;
};

// Columns of pairs. For a self join left < right, ascending by (left, right); for matches left is the query and right
// the row, ascending by query, then by falling cosine, then by row.
struct Pairs {
    std::vector<std::int64_t> left;
    std::vector<std::int64_t> right;
    std::vector<double> cosine;  // sim64
};

// One pair of rows (not positions).
struct FoundPair {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    double cosine = 0;
};

// Grows without a moment at which it takes up to three times its size.
using PairList = std::deque<FoundPair>;

struct Join {
    Pairs pairs;
    std::vector<std::int64_t> representative;  // one for each row: see Collapsed
    std::vector<RowFault> faults;              // only under Faulty::report
    Certificate certificate;
};

// Errors: invalid_argument (shape, threshold, groups, threads, faulty rows; more than max_pairs pairs, and then
// nothing is returned), interrupted, unsupported.
[[nodiscard]] base::Result<Join> self_join(const MatrixView& matrix, const JoinOptions& options);

// A self join in numbered blocks, so that it can be done range by range: to resume where a killed process was, to hold
// only the pairs of one range at a time, or to give other work a turn. Which pairs are in which block depends on the
// rows, the groups and `copies` alone: not on the processor, the threads or the plan. So rows are never sorted by
// cells, which depend on all three. Rows are checked, collapsed and encoded when it is made; it borrows the matrix and
// the groups.
class BlockJoin {
public:
    // Errors as of self_join; options.max_pairs and execution.progress do not matter.
    [[nodiscard]] static base::Result<std::unique_ptr<BlockJoin>> make(const MatrixView& matrix,
                                                                       const JoinOptions& options);

    [[nodiscard]] std::size_t blocks() const noexcept { return blocks_.size(); }

    // Of the rows, groups, threshold and the treatment of copies and faults: with an equal one, ranges of another
    // process's BlockJoin hold the same pairs.
    // Reads every row.
    [[nodiscard]] std::uint64_t fingerprint() const noexcept;

    // The pairs of blocks [first, last), ascending, with the certificate of this range alone. Ranges that partition
    // [0, blocks()) hold every pair once; the pairs among copies are in the range that ends at blocks(), even if it is
    // empty. Errors: invalid_argument (`blocks`, `max_pairs` for this range), interrupted, internal.
    [[nodiscard]] base::Result<Join> run(std::size_t first, std::size_t last, std::uint64_t max_pairs,
                                         Progress* progress) const;

private:
    friend base::Result<Join> self_join(const MatrixView& matrix, const JoinOptions& options);

    BlockJoin() = default;

    // `whole`: to be run as one range, so that rows may be sorted by cells.
    [[nodiscard]] static base::Result<std::unique_ptr<BlockJoin>> make(const MatrixView& matrix,
                                                                       const JoinOptions& options, bool whole);

    // All blocks, after which the codes are gone.
    [[nodiscard]] base::Result<Join> run_whole();

    // One list a thread, in no order.
    [[nodiscard]] base::Result<std::vector<PairList>> find(std::span<const Block> blocks, bool with_copies,
                                                           std::uint64_t max_pairs, const Execution& execution,
                                                           Certificate& certificate) const;

    [[nodiscard]] Join finish(std::vector<PairList> lists, const Certificate& certificate) const;

    MatrixView matrix_;
    JoinOptions options_;
    Certificate begun_;
    RowCheck check_;
    Collapsed collapsed_;
    std::vector<Block> blocks_;
    std::unique_ptr<Prepared> prepared_;
};

struct MatchOptions {
    double threshold = 0.95;
    Groups query_groups = {};  // both empty, or one for each query and each row
    Groups row_groups = {};
    std::uint64_t best = 0;  // that many rows of each query at most, the best ones, ties to the lower row; 0 = all
    std::uint64_t max_pairs = kPairsDefault;
    Faulty faulty = Faulty::refuse;
    Execution execution = {};
    PlanOptions plan = {};
};

struct Matches {
    Pairs pairs;
    std::vector<RowFault> query_faults;
    std::vector<RowFault> row_faults;
    Certificate certificate;
};

[[nodiscard]] base::Result<Matches> match_rows(const MatrixView& queries, const MatrixView& rows,
                                               const MatchOptions& options);

// A matrix made ready for many matches: its rows are checked and encoded once. Borrows the matrix, which must outlive
// it and stay unchanged; about 150 bytes a row besides. Constant, hence thread-safe.
class Corpus {
public:
    // Of the options `groups`, `faulty`, `execution` and `plan` (rotation, first_slots) matter.
    // Errors: invalid_argument, unsupported, internal as for joins.
    [[nodiscard]] static base::Result<std::unique_ptr<Corpus>> make(const MatrixView& matrix,
                                                                    const JoinOptions& options);

    [[nodiscard]] const MatrixView& matrix() const noexcept { return matrix_; }
    [[nodiscard]] const std::vector<RowFault>& faults() const noexcept { return check_.faults; }
    [[nodiscard]] bool grouped() const noexcept { return grouped_; }
    [[nodiscard]] const Collapsed& layout() const noexcept { return layout_; }
    [[nodiscard]] std::span<const double> norms() const noexcept { return check_.norms; }
    // Null when there is no row to compare.
    [[nodiscard]] const EncodedRows* encoded() const noexcept { return encoded_.get(); }

private:
    Corpus() = default;

    MatrixView matrix_;
    bool grouped_ = false;
    RowCheck check_;
    Collapsed layout_;
    std::unique_ptr<EncodedRows> encoded_;
};

// As above; options.row_groups must be empty, the corpus has its own; of options.plan only the slack matters, and
// execution.isa does not.
[[nodiscard]] base::Result<Matches> match_rows(const MatrixView& queries, const Corpus& corpus,
                                               const MatchOptions& options);

// sim64 of each pair of rows, which need not be near each other. Errors: invalid_argument (shape, lengths, a row out of
// range or not comparable).
[[nodiscard]] base::Result<std::vector<double>> pair_cosines(const MatrixView& matrix,
                                                             std::span<const std::int64_t> left,
                                                             std::span<const std::int64_t> right);

// Sum modulo 2^64 of a mixed (left, right) over all pairs: equal sets have equal hashes in any order. Cosines take no
// part, so that the answer of another program can be compared.
[[nodiscard]] base::Result<std::uint64_t> pair_set_hash(std::span<const std::int64_t> left,
                                                        std::span<const std::int64_t> right);

}  // namespace khala::vec
