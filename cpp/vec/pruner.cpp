#include "vec/pruner.hpp"

#include <algorithm>
#include <limits>

#include "vec/isa.hpp"

namespace khala::vec {
namespace {

constexpr std::size_t padded(std::size_t count, std::size_t tile) noexcept {
    return (count + tile - 1) / tile * tile;
}

// How many pairs of the two ranges have left < right.
std::uint64_t ordered_pairs(std::uint32_t first_left, std::uint32_t lefts, std::uint32_t first_right,
                            std::uint32_t rights) noexcept {
    std::uint64_t pairs = 0;
    for (std::uint32_t right = first_right; right < first_right + rights; ++right) {
        pairs += right <= first_left ? 0 : std::min(lefts, right - first_left);
    }
    return pairs;
}

}  // namespace

Pruner::Pruner(const CodedSides& sides, std::uint32_t lefts)
    : sides_{sides},
      kernels_{code_kernels_for(sides.model->isa)},
      groups_{static_cast<std::uint32_t>(sides.model->layout.first / 4)} {
    const std::size_t columns = padded(lefts, kColumnTile);
    const std::size_t rows = padded(kPruneRows, kernels_.row_tile);
    const std::size_t bytes = sides.model->layout.first;
    columns_ = std::make_unique_for_overwrite<std::int8_t[]>(columns * bytes);
    column_terms_ = std::make_unique_for_overwrite<std::int32_t[]>(columns);
    rows_ = std::make_unique_for_overwrite<std::uint8_t[]>(rows * bytes);
    row_terms_ = std::make_unique_for_overwrite<std::int32_t[]>(rows);
    candidates_ = std::make_unique_for_overwrite<Candidate[]>(std::size_t{lefts} * kPruneRows);
    hits_ = std::make_unique_for_overwrite<Hit[]>(std::size_t{lefts} * kPruneRows);
}

void Pruner::load(std::uint32_t first_left, std::uint32_t lefts) {
    first_left_ = first_left;
    lefts_ = lefts;
    const Codes& codes = *sides_.left.codes;
    kernels_.pack_columns(codes.codes.get(), codes.stride, nullptr, first_left, lefts, groups_,
                          sides_.left.terms->first.data(), columns_.get(), column_terms_.get());
}

std::size_t Pruner::test(std::uint32_t first, std::uint32_t count, const std::uint32_t* index) {
    const Codes& right = *sides_.right.codes;
    kernels_.pack_rows(right.codes.get(), right.stride, index, first, count, groups_, sides_.right.terms->first.data(),
                       rows_.get(), row_terms_.get());
    const PruneTile tile{rows_.get(), row_terms_.get(), count, columns_.get(), column_terms_.get(), lefts_, groups_};
    return kernels_.prune(tile, candidates_.get());
}

std::span<Hit> Pruner::survivors(std::uint32_t first_right, std::uint32_t rights, bool diagonal) {
    const std::size_t count = test(first_right, rights, nullptr);
    std::size_t kept = 0;
    for (std::size_t at = 0; at < count; ++at) {
        const Candidate candidate{candidates_[at].column + first_left_, candidates_[at].row + first_right};
        candidates_[kept] = candidate;
        kept += static_cast<std::size_t>(!diagonal || candidate.column < candidate.row);
    }
    const std::uint64_t pairs =
        diagonal ? ordered_pairs(first_left_, lefts_, first_right, rights) : std::uint64_t{lefts_} * rights;
    return refined(count, kept, pairs, std::uint64_t{lefts_} * rights);
}

std::span<Hit> Pruner::survivors(std::span<const std::uint32_t> rights) {
    const std::size_t count = test(0, static_cast<std::uint32_t>(rights.size()), rights.data());
    for (std::size_t at = 0; at < count; ++at) {
        candidates_[at] = {candidates_[at].column + first_left_, rights[candidates_[at].row]};
    }
    const std::uint64_t pairs = std::uint64_t{lefts_} * rights.size();
    return refined(count, count, pairs, pairs);
}

std::span<Hit> Pruner::refined(std::size_t passed, std::size_t kept, std::uint64_t pairs, std::uint64_t tested) {
    const Codes& left = *sides_.left.codes;
    const Codes& right = *sides_.right.codes;
    counts_.pairs += pairs;
    counts_.candidates += kept;
    if (!sides_.left.terms->all.empty()) {
        const CodeLayout& layout = sides_.model->layout;
        const RefineTask task{left.codes.get(),  sides_.left.terms->all.data(),
                              right.codes.get(), sides_.right.terms->all.data(),
                              left.stride,       layout.slots,
                              layout.first - 1};
        kept = kernels_.refine(task, candidates_.get(), kept);
    }
    counts_.survivors += kept;
    swamped_ = static_cast<double>(passed) * sides_.candidate_cost + static_cast<double>(kept) * sides_.survivor_cost >
               sides_.spare * static_cast<double>(tested);
    for (std::size_t index = 0; index < kept; ++index) {
        hits_[index] = {candidates_[index].column, candidates_[index].row, std::numeric_limits<float>::quiet_NaN()};
    }
    return {hits_.get(), kept};
}

}  // namespace khala::vec
