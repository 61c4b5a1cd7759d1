#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vec/collapse.hpp"
#include "vec/invalid.hpp"
#include "vec/join.hpp"
#include "vec/join_parts.hpp"

namespace khala::vec {
namespace {

using base::Status;

struct Scored {
    double cosine = 0;
    std::uint32_t row = 0;

    // Whether this row is wanted before the other one.
    [[nodiscard]] bool better_than(const Scored& other) const noexcept {
        return cosine != other.cosine ? cosine > other.cosine : row < other.row;
    }
};

bool better(const Scored& a, const Scored& b) noexcept {
    return a.better_than(b);
}

// Keeps for every query position either all rows that reach the threshold, or the best of them in a heap whose front
// is the worst one kept.
class MatchSink final : public Sink {
public:
    MatchSink(const Decision& decision, Budget& budget, std::uint64_t best)
        : decision_{decision}, budget_{budget}, best_{best}, kept_(decision.left.order.size()) {}

    Status take(std::span<const Hit> hits) override {
        for (const Hit& hit : hits) {
            std::vector<Scored>& kept = kept_[hit.left];
            if (full(kept) && static_cast<double>(hit.dot) + decision_.tolerance < kept.front().cosine) {
                continue;
            }
            rechecked_ += static_cast<std::uint64_t>(decision_.in_band(hit));
            const double cosine = decision_.cosine(hit);
            if (cosine >= decision_.threshold) {
                KHALA_TRY(offer(kept, {cosine, decision_.right.order[hit.right]}));
            }
        }
        return {};
    }

    // The rows of one query position, best first; they are moved out.
    [[nodiscard]] std::vector<Scored> release(std::size_t position) { return std::move(kept_[position]); }
    [[nodiscard]] std::uint64_t rechecked() const noexcept { return rechecked_; }

private:
    [[nodiscard]] bool full(const std::vector<Scored>& kept) const noexcept {
        return best_ > 0 && kept.size() == best_;
    }

    Status offer(std::vector<Scored>& kept, Scored scored) {
        if (best_ == 0) {
            KHALA_TRY(budget_.spend(1));
            kept.push_back(scored);
        } else if (!full(kept)) {
            kept.push_back(scored);
            std::push_heap(kept.begin(), kept.end(), better);
        } else if (scored.better_than(kept.front())) {
            std::pop_heap(kept.begin(), kept.end(), better);
            kept.back() = scored;
            std::push_heap(kept.begin(), kept.end(), better);
        }
        return {};
    }

    const Decision& decision_;
    Budget& budget_;
    std::uint64_t best_;
    std::vector<std::vector<Scored>> kept_;
    std::uint64_t rechecked_ = 0;
};

// Pairs the groups that both sides have; both lists ascend.
std::vector<Rectangle> common_groups(const Collapsed& queries, const Collapsed& rows) {
    std::vector<Rectangle> rectangles;
    std::size_t row_group = 0;
    for (std::size_t group = 0; group < queries.groups.size(); ++group) {
        while (row_group < rows.groups.size() && rows.groups[row_group] < queries.groups[group]) {
            ++row_group;
        }
        if (row_group < rows.groups.size() && rows.groups[row_group] == queries.groups[group]) {
            rectangles.push_back(
                {queries.starts[group], queries.starts[group + 1], rows.starts[row_group], rows.starts[row_group + 1]});
        }
    }
    return rectangles;
}

// Joins what the threads kept, query by query in order of rows. Only here is it known which of the best rows that
// each thread kept are the best of all, so the limit on pairs is checked here for them.
base::Result<std::vector<FoundPair>> gather(std::vector<MatchSink>& sinks, std::span<const std::uint32_t> order,
                                            const MatchOptions& options) {
    Budget budget{options.max_pairs};
    std::vector<std::pair<std::uint32_t, std::size_t>> queries;  // row of the query, position
    for (std::size_t position = 0; position < order.size(); ++position) {
        queries.emplace_back(order[position], position);
    }
    std::sort(queries.begin(), queries.end());
    std::vector<FoundPair> found;
    for (const auto& [query, position] : queries) {
        std::vector<Scored> all;
        for (MatchSink& sink : sinks) {
            const std::vector<Scored> part = sink.release(position);
            all.insert(all.end(), part.begin(), part.end());
        }
        std::sort(all.begin(), all.end(), better);
        if (options.best > 0 && all.size() > options.best) {
            all.resize(options.best);
        }
        KHALA_TRY(budget.spend(all.size()));
        for (const Scored& scored : all) {
            found.push_back({query, scored.row, scored.cosine});
        }
    }
    return found;
}

Status check_dims(const MatrixView& queries, const MatrixView& rows) {
    if (queries.rows > 0 && rows.rows > 0 && queries.dim != rows.dim) {
        return invalid("queries",
                       std::to_string(queries.dim) + " columns, and the matrix has " + std::to_string(rows.dim));
    }
    return {};
}

Status check_both_grouped(bool queries, bool rows) {
    if (queries != rows) {
        return invalid(queries ? "groups" : "query_groups", "missing: groups are given for both sides or for neither");
    }
    return {};
}

Status check_sides(const MatrixView& queries, const MatrixView& rows, const MatchOptions& options) {
    KHALA_TRY(check_dims(queries, rows));
    KHALA_TRY(check_groups(options.query_groups, queries.rows, "query_groups"));
    KHALA_TRY(check_groups(options.row_groups, rows.rows, "groups"));
    if (queries.rows > 0 && rows.rows > 0) {
        KHALA_TRY(check_both_grouped(!options.query_groups.empty(), !options.row_groups.empty()));
    }
    return {};
}

// Both sides, checked and laid out.
struct Sides {
    Side left;
    const Collapsed& left_layout;
    Side right;
    const Collapsed& right_layout;
    const EncodedRows* encoded = nullptr;  // of the right side, or none
};

base::Result<Pairs> find(const Sides& sides, const MatchOptions& options, Certificate& certificate) {
    const Decision decision{sides.left, sides.right, options.threshold, certificate.tolerance,
                            kernels_for(certificate.isa)};
    Budget budget{options.max_pairs};
    std::vector<MatchSink> sinks(static_cast<std::size_t>(options.execution.threads),
                                 MatchSink{decision, budget, options.best});
    const std::vector<Block> blocks = plan_cross(common_groups(sides.left_layout, sides.right_layout));
    if (sides.encoded != nullptr) {
        Stopwatch watch;
        KHALA_TRY_ASSIGN(const std::unique_ptr<Prepared> prepared,
                         prepare_match(sides.left, sides.right, *sides.encoded, blocks, options.threshold,
                                       options.plan.slack, options.execution));
        certificate.seconds.prepare = watch.lap();
        KHALA_TRY(
            run_prepared(sides.left, sides.right, blocks, pointers(sinks), *prepared, options.execution, certificate));
    } else {
        KHALA_TRY(
            run_sweep(sides.left, sides.right, blocks, pointers(sinks), options.plan, options.execution, certificate));
    }
    for (const MatchSink& sink : sinks) {
        certificate.rechecked += sink.rechecked();
    }
    Stopwatch watch;
    KHALA_TRY_ASSIGN(const std::vector<FoundPair> found, gather(sinks, sides.left_layout.rows, options));
    Pairs pairs = to_columns(found, certificate);
    certificate.seconds.finish = watch.lap();
    return pairs;
}

void note_rows(const Sides& sides, Certificate& certificate) {
    certificate.rows = sides.left.matrix.rows + sides.right.matrix.rows;
    certificate.compared_rows = sides.left.order.size() + sides.right.order.size();
}

}  // namespace

base::Result<Matches> match_rows(const MatrixView& queries, const MatrixView& rows, const MatchOptions& options) {
    const FloatEnvironment environment;
    Stopwatch watch;
    Matches matches;
    Certificate& certificate = matches.certificate;
    KHALA_TRY(begin_certificate(options.threshold, rows.dim, options.execution, certificate));
    KHALA_TRY(check_sides(queries, rows, options));
    const int threads = options.execution.threads;
    KHALA_TRY_ASSIGN(RowCheck query_check, check_rows(queries, "queries", options.faulty, threads));
    KHALA_TRY_ASSIGN(RowCheck row_check, check_rows(rows, "matrix", options.faulty, threads));
    certificate.seconds.check = watch.lap();

    const Collapsed query_layout = group_rows(query_check.norms, options.query_groups);
    const Collapsed row_layout = group_rows(row_check.norms, options.row_groups);
    const Sides sides{{queries, query_check.norms, query_layout.rows},
                      query_layout,
                      {rows, row_check.norms, row_layout.rows},
                      row_layout,
                      nullptr};
    note_rows(sides, certificate);
    certificate.seconds.collapse = watch.lap();

    KHALA_TRY_ASSIGN(matches.pairs, find(sides, options, certificate));
    matches.query_faults = std::move(query_check.faults);
    matches.row_faults = std::move(row_check.faults);
    return matches;
}

base::Result<std::unique_ptr<Corpus>> Corpus::make(const MatrixView& matrix, const JoinOptions& options) {
    const FloatEnvironment environment;
    KHALA_TRY(check_execution(options.execution));
    KHALA_TRY(check_groups(options.groups, matrix.rows, "groups"));
    std::unique_ptr<Corpus> corpus{new Corpus};
    corpus->matrix_ = matrix;
    corpus->grouped_ = !options.groups.empty();
    KHALA_TRY_ASSIGN(corpus->check_, check_rows(matrix, "matrix", options.faulty, options.execution.threads));
    corpus->layout_ = group_rows(corpus->check_.norms, options.groups);
    if (!corpus->layout_.rows.empty()) {
        const Side side{matrix, corpus->check_.norms, corpus->layout_.rows};
        KHALA_TRY_ASSIGN(corpus->encoded_, encode_for_matching(side, options.plan, options.execution));
    }
    return corpus;
}

base::Result<Matches> match_rows(const MatrixView& queries, const Corpus& corpus, const MatchOptions& options) {
    const FloatEnvironment environment;
    Stopwatch watch;
    Matches matches;
    Certificate& certificate = matches.certificate;
    MatchOptions wanted = options;
    if (corpus.encoded() != nullptr) {
        wanted.execution.isa = corpus.encoded()->model.isa;
    }
    KHALA_TRY(begin_certificate(options.threshold, corpus.matrix().dim, wanted.execution, certificate));
    KHALA_TRY(check_dims(queries, corpus.matrix()));
    KHALA_TRY(check_groups(options.query_groups, queries.rows, "query_groups"));
    if (!options.row_groups.empty()) {
        return invalid("groups", "are the corpus's own, given when it was made");
    }
    if (queries.rows > 0 && corpus.matrix().rows > 0) {
        KHALA_TRY(check_both_grouped(!options.query_groups.empty(), corpus.grouped()));
    }
    KHALA_TRY_ASSIGN(RowCheck query_check, check_rows(queries, "queries", options.faulty, options.execution.threads));
    certificate.seconds.check = watch.lap();
    const Collapsed query_layout = group_rows(query_check.norms, options.query_groups);
    const Sides sides{{queries, query_check.norms, query_layout.rows},
                      query_layout,
                      {corpus.matrix(), corpus.norms(), corpus.layout().rows},
                      corpus.layout(),
                      corpus.encoded()};
    note_rows(sides, certificate);
    certificate.seconds.collapse = watch.lap();
    KHALA_TRY_ASSIGN(matches.pairs, find(sides, wanted, certificate));
    matches.query_faults = std::move(query_check.faults);
    matches.row_faults = corpus.faults();
    return matches;
}

}  // namespace khala::vec
