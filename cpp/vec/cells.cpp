#include "vec/cells.hpp"

#include <algorithm>
#include <cmath>

#include "vec/isa.hpp"
#include "vec/workers.hpp"

namespace khala::vec {
namespace {

constexpr int kRounds = 5;
constexpr std::size_t kScored = 256;  // rows at a time

// To the means of their rows; one without rows stays where it was.
void move_centres(CellModel& model, const Projected& sample, const std::vector<std::uint16_t>& own) {
    std::vector<float> sums(model.cells * model.width);
    std::vector<std::uint32_t> counts(model.cells);
    for (std::size_t row = 0; row < sample.count(); ++row) {
        ++counts[own[row]];
        const float* from = sample.row(row);
        float* sum = sums.data() + own[row] * model.width;
        for (std::size_t k = 0; k < sample.width; ++k) {
            sum[k] += from[k];
        }
    }
    for (std::size_t cell = 0; cell < model.cells; ++cell) {
        const float share = counts[cell] == 0 ? 0.0F : 1.0F / static_cast<float>(counts[cell]);
        for (std::size_t k = 0; counts[cell] != 0 && k < sample.width; ++k) {
            model.centres[cell * model.width + k] = sums[cell * model.width + k] * share;
        }
    }
}

void measure_centres(CellModel& model) {
    for (std::size_t cell = 0; cell < model.cells; ++cell) {
        const float* centre = model.centres.data() + cell * model.width;
        double square = 0;
        for (std::size_t k = 0; k < model.width; ++k) {
            square += static_cast<double>(centre[k]) * static_cast<double>(centre[k]);
        }
        model.halves[cell] = static_cast<float>(square / 2.0);
    }
}

}  // namespace

CellScores::CellScores(const CellModel& model, Isa isa, std::size_t rows_max)
    : model_{model},
      kernels_{kernels_for(isa)},
      code_kernels_{code_kernels_for(isa)},
      scores_{std::make_unique_for_overwrite<float[]>(rows_max * model.cells)},
      own_{std::make_unique_for_overwrite<std::uint16_t[]>(rows_max)},
      counts_{std::make_unique_for_overwrite<std::uint16_t[]>(rows_max)},
      cells_{std::make_unique_for_overwrite<std::uint16_t[]>(rows_max * model.cells)} {}

void CellScores::score(const float* projected, std::size_t rows) {
    rows_ = rows;
    kernels_.products(projected, rows, model_.centres.data(), model_.cells, model_.width, scores_.get());
    code_kernels_.nearest_cells(scores_.get(), rows, model_.cells, model_.halves.data(), own_.get());
}

CellScores::Near CellScores::near() {
    const std::size_t found = code_kernels_.cells_in_reach(scores_.get(), rows_, model_.cells, model_.reach.data(),
                                                           own_.get(), counts_.get(), cells_.get());
    return {{counts_.get(), rows_}, {cells_.get(), found}};
}

base::Result<CellModel> train_cells(const Projected& sample, std::size_t cells, Isa isa, int threads) {
    CellModel model;
    model.cells = cells;
    model.width = sample.width + 1;
    model.centres.resize(cells * model.width);
    model.halves.resize(cells);
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const float* row = sample.row(cell * sample.count() / cells);
        std::copy_n(row, sample.width, model.centres.begin() + static_cast<std::ptrdiff_t>(cell * model.width));
    }
    measure_centres(model);
    std::vector<std::uint16_t> own(sample.count());
    for (int round = 0; round < kRounds; ++round) {
        KHALA_TRY(for_pieces(threads, sample.count(), kScored, [&](std::size_t begin, std::size_t end) {
            CellScores scores{model, isa, end - begin};
            scores.score(sample.row(begin), end - begin);
            std::copy(scores.own().begin(), scores.own().end(), own.begin() + static_cast<std::ptrdiff_t>(begin));
        }));
        move_centres(model, sample, own);
        measure_centres(model);
    }
    return model;
}

void set_reach(CellModel& model, double distance, double error, Isa isa) {
    const std::size_t cells = model.cells;
    model.reach.resize(cells * cells);
    kernels_for(isa).products(model.centres.data(), cells, model.centres.data(), cells, model.width,
                              model.reach.data());
    const double longest = 2.0 * static_cast<double>(*std::max_element(model.halves.begin(), model.halves.end()));
    // Of a product of a row, at most a little longer than 1, and a centre.
    const double rounding = tolerance(model.width + 8) * std::max(1.0, longest) * 1.01;
    for (std::size_t a = 0; a < cells; ++a) {
        for (std::size_t b = 0; b < cells; ++b) {
            float& reach = model.reach[a * cells + b];
            const double square = 2.0 * static_cast<double>(model.halves[a]) +
                                  2.0 * static_cast<double>(model.halves[b]) - 2.0 * static_cast<double>(reach);
            const double apart = std::sqrt(std::max(0.0, square) + 4.0 * rounding);
            reach =
                static_cast<float>(apart * (distance / 2.0 + error) + 2.0 * rounding + 4e-6 * std::max(1.0, longest));
        }
    }
}

CellRows::CellRows(const CellModel& model, Isa isa, std::size_t rows, std::uint64_t limit)
    : model_{model},
      isa_{isa},
      limit_{limit},
      own_(rows),
      ends_(rows),
      pieces_((rows + kEncodePiece - 1) / kEncodePiece) {}

void CellRows::add(std::size_t begin, std::size_t end, const float* projected) {
    if (too_many()) {
        return;
    }
    CellScores scores{model_, isa_, end - begin};
    scores.score(projected, end - begin);
    const CellScores::Near near = scores.near();
    kept_.fetch_add(near.cells.size(), std::memory_order_relaxed);
    std::copy(scores.own().begin(), scores.own().end(), own_.begin() + static_cast<std::ptrdiff_t>(begin));
    std::uint32_t sum = 0;
    for (std::size_t row = begin; row < end; ++row) {
        sum += near.counts[row - begin];
        ends_[row] = sum;
    }
    pieces_[begin / kEncodePiece].assign(near.cells.begin(), near.cells.end());
}

std::span<const std::uint16_t> CellRows::near(std::size_t row) const noexcept {
    const std::uint32_t begin = row % kEncodePiece == 0 ? 0 : ends_[row - 1];
    return std::span{pieces_[row / kEncodePiece]}.subspan(begin, ends_[row] - begin);
}

}  // namespace khala::vec
