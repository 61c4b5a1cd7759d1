#include "vec/costs.hpp"

namespace khala::vec {
namespace {

constexpr double kSorted = 60;     // ns for a row that is put in the order of its cell
constexpr double kListed = 12;     // ns for a place near a cell: kept, listed, and packed once a block
constexpr double kTrainings = 5;   // rounds
constexpr double kTrained = 0.25;  // ns for a coordinate of a row in a round, beside the products

}  // namespace

Costs costs_of(Isa isa) noexcept {
    switch (isa) {
        case Isa::v4: return {0.0097, 0.0021, 4, 0.08, 0.3, 0.03, 0.1};
        case Isa::v3: return {0.017, 0.0063, 6, 0.08, 0.5, 0.03, 0.2};
        case Isa::automatic:
        case Isa::baseline: break;
    }
    return {0.042, 0.19, 4, 0.3, 1.0, 0.05, 0.5};
}

Volume volume_of(const Side& left, const Side& right, std::span<const Block> blocks) {
    Volume volume;
    volume.dim = static_cast<double>(left.matrix.dim);
    volume.rows = static_cast<double>(left.order.size() + (&left == &right ? 0 : right.order.size()));
    for (const Block& block : blocks) {
        const double lefts = block.lefts;
        const double rights = block.diagonal ? lefts : block.rights;
        volume.tested += lefts * rights;
        volume.pairs += static_cast<double>(block.pairs());
        volume.lines += lefts + rights;
    }
    return volume;
}

double seconds_of_products(const Volume& volume, const Costs& costs) {
    return 1e-9 * volume.pairs * volume.dim * costs.product;
}

double seconds_of_fit(std::size_t dim, std::size_t width, const Costs& costs) {
    const auto columns = static_cast<double>(dim);
    const auto directions = static_cast<double>(width);
    return 1e-9 * costs.product *
           (columns * columns * (1024 + 4 * directions) + 48 * columns * directions * directions);
}

double seconds_of_codes(const Volume& volume, const Costs& costs, const JoinPlan& plan, double tested) {
    const CodeLayout& layout = plan.layout;
    const auto second = static_cast<double>(layout.slots - layout.first);
    const double prepare = volume.rows * (volume.dim * static_cast<double>(layout.coordinates + 1) * costs.product +
                                          static_cast<double>(layout.slots) * costs.encode);
    const auto first = static_cast<double>(layout.first);
    const double dense =
        tested * (volume.tested * (first + costs.pair) * costs.code + volume.lines * first * costs.pack);
    const double sparse = volume.pairs * (plan.candidates * (kCandidate + second * costs.candidate) +
                                          plan.survivors * (kDecision + volume.dim * kDecisionMac));
    return 1e-9 * (prepare + dense + sparse);
}

double seconds_of_cells(const CellWork& work, const Costs& costs) {
    return 1e-9 * work.rows * (work.cells * (work.width * costs.product + costs.cell) + kSorted + work.near * kListed);
}

double seconds_of_training(const CellWork& work, const Costs& costs) {
    return 1e-9 * kTrainings * work.trained * work.width * (work.cells * costs.product + kTrained);
}

}  // namespace khala::vec
