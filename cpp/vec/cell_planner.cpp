#include "vec/cell_planner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vec/isa.hpp"

namespace khala::vec {
namespace {

// Rows that a model is tried on.
constexpr std::size_t kProbes = 1024;

// Rows that cells are trained on: this many a cell, or up to four times as many while they are few among all rows. And
// those that a cell needs at least to be worth having.
constexpr std::size_t kTrainedPerCell = 64;
constexpr std::size_t kTrainedMin = 2048;
constexpr std::size_t kTrainedShare = 16;
constexpr std::size_t kRowsPerCell = 64;
constexpr std::size_t kFewest = 32;

// Seconds that testing all pairs must take before it is worth a thought how to test fewer, and the part of the time
// that another number of cells has to save.
constexpr double kWorthPlanning = 0.04;
constexpr double kWorthMore = 0.97;

// How many more cells a row is near when there are twice as many.
constexpr double kNearGrowth = 1.5;

// Rows of a side in an order of which every beginning is spread evenly over all of them.
class Spread {
public:
    Spread(const CellQuestion& question, double start) : question_{question}, start_{start} {
        taken_.width = question.rotation.width;
    }

    const Projected& first(std::size_t count) {
        constexpr std::size_t kTile = 1024;
        std::vector<std::uint32_t> positions;
        std::vector<float> unit;
        while (taken_.count() < count) {
            const std::size_t before = taken_.count();
            const std::size_t more = std::min(kTile, count - before);
            positions.clear();
            for (std::size_t index = before; index < before + more; ++index) {
                positions.push_back(position(index));
            }
            unit.resize(more * question_.rotation.dim);
            taken_.rows.resize((before + more) * (taken_.width + 1));
            project(question_.rotation, question_.rows, positions, 0, more, kernels_for(question_.isa), unit.data(),
                    taken_.rows.data() + before * (taken_.width + 1));
        }
        return taken_;
    }

private:
    // Multiples of the golden ratio are spread that way.
    [[nodiscard]] std::uint32_t position(std::size_t index) const {
        constexpr double kGolden = 0.6180339887498949;
        const double place = start_ + static_cast<double>(index) * kGolden;
        const auto rows = question_.rows.order.size();
        const auto position = static_cast<std::size_t>((place - std::floor(place)) * static_cast<double>(rows));
        return static_cast<std::uint32_t>(std::min(position, rows - 1));
    }

    const CellQuestion& question_;
    double start_;
    Projected taken_;
};

// What cells leave: the share of the pairs in large groups that is tested, and how many cells a row is near.
struct Left {
    double tested = 1;
    double near = 0;
};

Left left_by(const CellModel& model, const Projected& trained, const Projected& probes, Isa isa) {
    constexpr std::size_t kTile = 256;
    CellScores scores{model, isa, kTile};
    const auto each_tile = [&](const Projected& rows, const auto& body) {
        for (std::size_t begin = 0; begin < rows.count(); begin += kTile) {
            scores.score(rows.row(begin), std::min(kTile, rows.count() - begin));
            body();
        }
    };
    std::vector<double> share(model.cells);
    each_tile(trained, [&] {
        for (const std::uint16_t own : scores.own()) {
            share[own] += 1.0 / static_cast<double>(trained.count());
        }
    });
    Left left{0, 0};
    const double probe = 1.0 / static_cast<double>(probes.count());
    each_tile(probes, [&] {
        for (const std::uint16_t cell : scores.near().cells) {
            left.tested += 2.0 * share[cell] * probe;
            left.near += probe;
        }
    });
    for (const double rows : share) {
        left.tested += rows * rows;
    }
    return left;
}

// The rows and pairs of groups that are large enough.
struct Large {
    double rows = 0;
    double pairs = 0;
};

Large large_groups(const CellQuestion& question) {
    Large large;
    for (std::size_t group = 0; group + 1 < question.starts.size(); ++group) {
        const std::size_t rows = question.starts[group + 1] - question.starts[group];
        if (rows >= least_rows(question.asked)) {
            large.rows += static_cast<double>(rows);
            large.pairs += static_cast<double>(rows) * static_cast<double>(rows - 1) / 2.0;
        }
    }
    return large;
}

class Chooser {
public:
    explicit Chooser(const CellQuestion& question)
        : question_{question}, costs_{costs_of(question.isa)}, large_{large_groups(question)} {}

    base::Result<std::optional<CellChoice>> choose() {
        const std::size_t rows = question_.rows.order.size();
        const JoinPlan plain = best_plan(1.0);
        best_ = plain.seconds;
        if (large_.pairs == 0 || (!question_.asked && !worth_planning(plain))) {
            return std::move(choice_);
        }
        if (question_.asked) {
            best_ = std::numeric_limits<double>::infinity();
        }
        const std::size_t most = std::min(kCellsMax, std::max(kFewest, rows / kRowsPerCell));
        if (question_.cells > 0) {
            const std::size_t cells = (question_.cells + kCellStep - 1) / kCellStep * kCellStep;
            KHALA_TRY(consider(std::min(cells, kCellsMax)));
            return std::move(choice_);
        }
        for (std::size_t cells = kFewest; cells <= most; cells *= 2) {
            if (cells > kFewest && !promising(cells)) {
                break;
            }
            const Left before = left_;
            KHALA_TRY_ASSIGN(const bool fits, consider(cells));
            if (!fits) {
                break;
            }
            gain_ = std::clamp(left_.tested / before.tested, 0.5, 1.0);
        }
        return std::move(choice_);
    }

private:
    [[nodiscard]] double all_tested(double tested) const {
        return 1.0 - large_.pairs / question_.volume.pairs * (1.0 - tested);
    }

    [[nodiscard]] JoinPlan best_plan(double tested) const {
        JoinPlan best;
        for (const JoinPlan& layout : question_.layouts) {
            JoinPlan plan = layout;
            plan.seconds = seconds_of_codes(question_.volume, costs_, plan, tested);
            if (best.seconds == 0 || plan.seconds < best.seconds) {
                best = plan;
            }
        }
        return best;
    }

    [[nodiscard]] bool worth_planning(const JoinPlan& plain) const {
        const double pair = (static_cast<double>(plain.layout.first) + costs_.pair) * costs_.code;
        return 1e-9 * large_.pairs * pair > kWorthPlanning;
    }

    [[nodiscard]] CellWork work(std::size_t cells, double near) const {
        return {static_cast<double>(cells), large_.rows, near, static_cast<double>(question_.rotation.width + 1),
                static_cast<double>(trained(cells))};
    }

    [[nodiscard]] std::size_t trained(std::size_t cells) const {
        const std::size_t rows = question_.rows.order.size();
        const std::size_t few = kTrainedPerCell * cells;
        const std::size_t wanted = std::clamp(rows / kTrainedShare, few, 4 * few);
        return std::clamp<std::size_t>(wanted, 1, std::max(rows / 2, std::min(rows, kTrainedMin)));
    }

    [[nodiscard]] double seconds(std::size_t cells, const Left& left) const {
        return best_plan(all_tested(std::min(1.0, left.tested))).seconds +
               seconds_of_cells(work(cells, left.near), costs_);
    }

    // Whether twice as many cells are likely to pay, if they do as much as the last doubling did.
    [[nodiscard]] bool promising(std::size_t cells) const {
        const Left guess{left_.tested * gain_, left_.near * kNearGrowth};
        const double training = seconds_of_training(work(cells, guess.near), costs_);
        return guess.near <= near_max() && seconds(cells, guess) + training < kWorthMore * best_;
    }

    [[nodiscard]] double near_max() const {
        const auto places = static_cast<double>(places_max(question_.rows.order.size(), question_.rotation.dim));
        return 0.9 * places / std::max(1.0, large_.rows);
    }

    // False when the places that rows are near to would take too much memory.
    base::Result<bool> consider(std::size_t cells) {
        const Projected& sample = sample_.first(trained(cells));
        KHALA_TRY_ASSIGN(CellModel model, train_cells(sample, cells, question_.isa, question_.threads));
        const double error = rotation_error(question_.rotation) + 2e-6;  // and of scaling rows to length 1
        set_reach(model, std::sqrt(square_limit(question_.threshold)), error, question_.isa);
        const Projected& probes = probes_.first(std::min(kProbes, question_.rows.order.size()));
        left_ = left_by(model, sample, probes, question_.isa);
        if (left_.near > near_max() && !question_.asked) {
            return false;
        }
        const double cost = seconds(cells, left_);
        if (cost < best_) {
            best_ = cost;
            const double tested = all_tested(std::min(1.0, left_.tested));
            choice_ = CellChoice{std::move(model), best_plan(tested)};
            choice_->plan.method = Method::cells;
            choice_->plan.cells = cells;
            choice_->plan.tested = tested;
            choice_->plan.seconds = cost;
        }
        return true;
    }

    const CellQuestion& question_;
    Costs costs_;
    Large large_;
    Spread sample_{question_, 0.0};
    Spread probes_{question_, 0.3};
    double best_ = 0;
    double gain_ = 0.5;
    Left left_;
    std::optional<CellChoice> choice_;
};

}  // namespace

base::Result<std::optional<CellChoice>> choose_cells(const CellQuestion& question) {
    return Chooser{question}.choose();
}

std::uint64_t places_max(std::size_t rows, std::size_t dim) noexcept {
    constexpr std::uint64_t kFew = std::uint64_t{1} << 19U;  // whatever they are beside the matrix: 3 MB
    constexpr std::size_t kBytes = 6;                        // of a place: its cell, then its position
    const std::uint64_t share = std::uint64_t{rows} * dim * sizeof(float) / 6 / kBytes;
    return std::min<std::uint64_t>(std::max(kFew, share), std::numeric_limits<std::uint32_t>::max());
}

std::size_t least_rows(bool asked) noexcept {
    return asked ? 2 : kCellGroupRows;
}

}  // namespace khala::vec
