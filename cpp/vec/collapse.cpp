#include "vec/collapse.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <tuple>

#include "vec/workers.hpp"

namespace khala::vec {
namespace {

constexpr std::size_t kPiece = 1024;  // rows a thread takes at a time

std::int32_t group_of(Groups groups, std::uint32_t row) {
    return groups.empty() ? 0 : groups[row];
}

std::vector<std::uint32_t> identity(std::size_t rows) {
    std::vector<std::uint32_t> numbers(rows);
    std::iota(numbers.begin(), numbers.end(), 0U);
    return numbers;
}

// Fills rows, starts and groups from representative.
void lay_out(Collapsed& collapsed, std::span<const double> norms, Groups groups) {
    for (std::uint32_t row = 0; row < norms.size(); ++row) {
        if (norms[row] > 0.0 && collapsed.representative[row] == row) {
            collapsed.rows.push_back(row);
        }
    }
    if (!groups.empty()) {
        std::stable_sort(collapsed.rows.begin(), collapsed.rows.end(),
                         [&](std::uint32_t a, std::uint32_t b) { return groups[a] < groups[b]; });
    }
    for (std::size_t position = 0; position < collapsed.rows.size(); ++position) {
        const std::int32_t group = group_of(groups, collapsed.rows[position]);
        if (collapsed.groups.empty() || collapsed.groups.back() != group) {
            collapsed.groups.push_back(group);
            collapsed.starts.push_back(position);
        }
    }
    collapsed.starts.push_back(collapsed.rows.size());
}

struct Key {
    std::int32_t group;
    std::uint32_t row;
    RowHash hash;

    [[nodiscard]] bool same_bucket(const Key& other) const { return group == other.group && hash == other.hash; }
};

// Rows of one bucket have equal group and hash, hence are copies of each other unless the hash collided.
void match_bucket(std::span<const Key> bucket, const MatrixView& matrix, std::vector<std::uint32_t>& representative) {
    std::vector<std::uint32_t> distinct;
    for (const Key& key : bucket) {
        const auto same = std::find_if(distinct.begin(), distinct.end(), [&](std::uint32_t other) {
            return std::memcmp(matrix.row(key.row), matrix.row(other), matrix.dim * sizeof(float)) == 0;
        });
        if (same != distinct.end()) {
            representative[key.row] = *same;
        } else {
            distinct.push_back(key.row);
        }
    }
}

}  // namespace

RowHash hash_row(const float* row, std::size_t dim) noexcept {
    const XXH128_hash_t hash = XXH3_128bits(row, dim * sizeof(float));
    return {hash.high64, hash.low64};
}

Collapsed collapse(const MatrixView& matrix, std::span<const double> norms, Groups groups,
                   RowHash (*hash)(const float*, std::size_t) noexcept, int threads) {
    Collapsed collapsed;
    collapsed.representative = identity(matrix.rows);
    std::vector<Key> keys;
    keys.reserve(matrix.rows);
    for (std::uint32_t row = 0; row < matrix.rows; ++row) {
        if (norms[row] > 0.0) {
            keys.push_back({group_of(groups, row), row, {}});
        }
    }
    // Without memory for threads the calling one hashes everything.
    static_cast<void>(for_pieces(threads, keys.size(), kPiece, [&](std::size_t begin, std::size_t end) {
        for (Key& key : std::span{keys}.subspan(begin, end - begin)) {
            key.hash = hash(matrix.row(key.row), matrix.dim);
        }
    }));
    std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
        return std::tie(a.group, a.hash, a.row) < std::tie(b.group, b.hash, b.row);
    });
    for (std::size_t begin = 0; begin < keys.size();) {
        std::size_t end = begin + 1;
        while (end < keys.size() && keys[end].same_bucket(keys[begin])) {
            ++end;
        }
        if (end - begin > 1) {
            match_bucket(std::span{keys}.subspan(begin, end - begin), matrix, collapsed.representative);
        }
        begin = end;
    }
    lay_out(collapsed, norms, groups);
    return collapsed;
}

Collapsed group_rows(std::span<const double> norms, Groups groups) {
    Collapsed collapsed;
    collapsed.representative = identity(norms.size());
    lay_out(collapsed, norms, groups);
    return collapsed;
}

}  // namespace khala::vec
