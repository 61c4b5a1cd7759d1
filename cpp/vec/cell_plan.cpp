// Which pairs are looked at when rows are sorted by cells.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "vec/cells.hpp"

namespace khala::vec {
namespace {

constexpr std::uint32_t narrow(std::size_t position) noexcept {
    return static_cast<std::uint32_t>(position);
}

constexpr std::uint64_t pairs_of(std::uint64_t rows) noexcept {
    return rows == 0 ? 0 : rows * (rows - 1) / 2;
}

// One group of positions [begin, end) that is taken apart; appends to the plan.
class GroupCells {
public:
    GroupCells(CellPlan& plan, const CellRows& rows, std::size_t begin, std::size_t end)
        : plan_{plan}, rows_{rows}, begin_{begin}, end_{end}, cells_{rows.cells()}, starts_(cells_ + 1) {}

    void add() {
        sort();
        list();
        const std::uint64_t twice = pairs_listed_twice();
        std::uint64_t looked_at = 0;
        for (std::size_t cell = 0; cell < cells_; ++cell) {
            looked_at += add_blocks(cell);
        }
        const std::uint64_t all = pairs_of(end_ - begin_);
        plan_.pairs += all;
        plan_.ruled_out += all - (looked_at - twice);
    }

private:
    // Rows by cell, and within each as they were.
    void sort() {
        for (std::size_t row = begin_; row < end_; ++row) {
            ++starts_[rows_.own(row) + 1U];
        }
        starts_[0] = narrow(begin_);
        std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
        std::vector<std::uint32_t> next(starts_.begin(), starts_.end() - 1);
        for (std::size_t row = begin_; row < end_; ++row) {
            plan_.before[next[rows_.own(row)]++] = narrow(row);
        }
        plan_.starts.insert(plan_.starts.end(), starts_.begin(), starts_.end() - 1);
    }

    // Positions near each cell.
    void list() {
        std::vector<std::size_t> next(cells_ + 1);
        for (std::size_t row = begin_; row < end_; ++row) {
            for (const std::uint16_t cell : rows_.near(row)) {
                ++next[cell + 1U];
            }
        }
        next[0] = plan_.listed.size();
        std::partial_sum(next.begin(), next.end(), next.begin());
        first_ = next;
        plan_.first.insert(plan_.first.end(), first_.begin(), first_.end() - 1);
        plan_.listed.resize(first_.back());
        for (std::size_t position = begin_; position < end_; ++position) {
            for (const std::uint16_t cell : rows_.near(plan_.before[position])) {
                plan_.listed[next[cell]++] = narrow(position);
            }
        }
    }

    [[nodiscard]] std::span<const std::uint32_t> near(std::size_t cell) const noexcept {
        return std::span{plan_.listed}.subspan(first_[cell], first_[cell + 1] - first_[cell]);
    }

    // Of rows that are each near the other's cell.
    [[nodiscard]] std::uint64_t pairs_listed_twice() const {
        std::vector<std::uint32_t> from(cells_ * cells_);  // from[a][b]: rows of b near a
        for (std::size_t cell = 0; cell < cells_; ++cell) {
            for (const std::uint32_t position : near(cell)) {
                ++from[cell * cells_ + rows_.own(plan_.before[position])];
            }
        }
        std::uint64_t pairs = 0;
        for (std::size_t a = 0; a < cells_; ++a) {
            for (std::size_t b = a + 1; b < cells_; ++b) {
                pairs += std::uint64_t{from[a * cells_ + b]} * from[b * cells_ + a];
            }
        }
        return pairs;
    }

    // The pairs within a cell, and of its rows with those near it; returns how many.
    std::uint64_t add_blocks(std::size_t cell) {
        const std::size_t bounds[] = {starts_[cell], starts_[cell + 1]};
        const std::vector<Block> inner = plan_self(bounds);
        plan_.blocks.insert(plan_.blocks.end(), inner.begin(), inner.end());
        const std::size_t rows = bounds[1] - bounds[0];
        const std::size_t listed = first_[cell + 1] - first_[cell];
        for (std::size_t done = 0; done < rows; done += kTileRows) {
            const std::size_t lefts = std::min<std::size_t>(kTileRows, rows - done);
            for (std::size_t at = 0; at < listed; at += kListedRights) {
                const std::size_t rights = std::min(kListedRights, listed - at);
                plan_.blocks.push_back({.first_left = narrow(bounds[0] + done),
                                        .lefts = narrow(lefts),
                                        .first_right = narrow(first_[cell] + at),
                                        .rights = narrow(rights),
                                        .listed = true});
            }
        }
        return pairs_of(rows) + std::uint64_t{rows} * listed;
    }

    // Bounds the work between two claims.
    static constexpr std::size_t kListedRights = std::size_t{64} * kTileCols;

    CellPlan& plan_;
    const CellRows& rows_;
    std::size_t begin_;
    std::size_t end_;
    std::size_t cells_;
    std::vector<std::uint32_t> starts_;
    std::vector<std::size_t> first_;
};

}  // namespace

bool CellPlan::elsewhere(std::uint32_t left, std::uint32_t right) const noexcept {
    if (left < right) {
        return false;  // the cell of `left` is the lower one
    }
    const auto cell = std::upper_bound(starts.begin(), starts.end() - 1, right) - starts.begin() - 1;
    const auto begin = listed.begin() + static_cast<std::ptrdiff_t>(first[static_cast<std::size_t>(cell)]);
    const auto end = listed.begin() + static_cast<std::ptrdiff_t>(first[static_cast<std::size_t>(cell) + 1]);
    return std::binary_search(begin, end, left);
}

CellPlan plan_cells(const CellRows& rows, std::span<const std::uint32_t> order, std::span<const std::size_t> starts,
                    std::size_t least) {
    CellPlan plan;
    plan.before.resize(order.size());
    std::iota(plan.before.begin(), plan.before.end(), 0U);
    for (std::size_t group = 0; group + 1 < starts.size(); ++group) {
        const std::size_t begin = starts[group];
        const std::size_t end = starts[group + 1];
        if (end - begin >= least) {
            GroupCells{plan, rows, begin, end}.add();
            continue;
        }
        const std::vector<Block> blocks = plan_self(starts.subspan(group, 2));
        plan.blocks.insert(plan.blocks.end(), blocks.begin(), blocks.end());
        plan.pairs += pairs_of(end - begin);
    }
    plan.starts.push_back(narrow(order.size()));
    plan.first.push_back(plan.listed.size());
    plan.order.resize(order.size());
    for (std::size_t position = 0; position < order.size(); ++position) {
        plan.order[position] = order[plan.before[position]];
    }
    return plan;
}

void reorder(Codes& codes, std::span<const std::uint32_t> before) {
    std::vector<bool> done(before.size());
    std::vector<std::uint8_t> held(codes.stride);
    const auto row = [&](std::size_t position) { return codes.codes.get() + position * codes.stride; };
    for (std::size_t begin = 0; begin < before.size(); ++begin) {
        if (done[begin] || before[begin] == begin) {
            continue;
        }
        std::memcpy(held.data(), row(begin), codes.stride);
        const CodeTerms terms = codes.terms[begin];
        std::size_t to = begin;
        for (; before[to] != begin; to = before[to]) {
            std::memcpy(row(to), row(before[to]), codes.stride);
            codes.terms[to] = codes.terms[before[to]];
            done[to] = true;
        }
        std::memcpy(row(to), held.data(), codes.stride);
        codes.terms[to] = terms;
        done[to] = true;
    }
}

}  // namespace khala::vec
