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

// Copies have the same norm, bit for bit, and few other rows do: so most rows need no hash at all.
struct Key {
    std::int32_t group;
    std::uint32_t row;
    double norm;

    [[nodiscard]] bool same_bucket(const Key& other) const { return group == other.group && norm == other.norm; }
};

struct HashedRow {
    RowHash hash;
    std::uint32_t row;
};

// Rows of equal group and hash are copies of each other unless the hash collided.
void match_rows(std::span<const HashedRow> bucket, const MatrixView& matrix,
                std::vector<std::uint32_t>& representative) {
    std::vector<std::uint32_t> distinct;
    for (const HashedRow& key : bucket) {
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

// Each bucket: rows of equal group and norm, ascending.
void match_buckets(std::span<const std::span<const Key>> buckets, const MatrixView& matrix,
                   RowHash (*hash)(const float*, std::size_t) noexcept, int threads,
                   std::vector<std::uint32_t>& representative) {
    std::vector<HashedRow> hashed;
    std::vector<std::size_t> ends;
    for (const std::span<const Key> bucket : buckets) {
        for (const Key& key : bucket) {
            hashed.push_back({{}, key.row});
        }
        ends.push_back(hashed.size());
    }
    // Without memory for threads the calling one hashes everything.
    static_cast<void>(for_pieces(threads, hashed.size(), kPiece, [&](std::size_t begin, std::size_t end) {
        for (HashedRow& one : std::span{hashed}.subspan(begin, end - begin)) {
            one.hash = hash(matrix.row(one.row), matrix.dim);
        }
    }));
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        const std::span<HashedRow> bucket = std::span{hashed}.subspan(begin, end - begin);
        std::sort(bucket.begin(), bucket.end(), [](const HashedRow& a, const HashedRow& b) {
            return std::tie(a.hash, a.row) < std::tie(b.hash, b.row);
        });
        for (std::size_t first = 0; first < bucket.size();) {
            std::size_t last = first + 1;
            while (last < bucket.size() && bucket[last].hash == bucket[first].hash) {
                ++last;
            }
            if (last - first > 1) {
                match_rows(bucket.subspan(first, last - first), matrix, representative);
            }
            first = last;
        }
        begin = end;
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
            keys.push_back({group_of(groups, row), row, norms[row]});
        }
    }
    std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
        return std::tie(a.group, a.norm, a.row) < std::tie(b.group, b.norm, b.row);
    });
    std::vector<std::span<const Key>> buckets;
    for (std::size_t begin = 0; begin < keys.size();) {
        std::size_t end = begin + 1;
        while (end < keys.size() && keys[end].same_bucket(keys[begin])) {
            ++end;
        }
        if (end - begin > 1) {
            buckets.emplace_back(std::span{keys}.subspan(begin, end - begin));
        }
        begin = end;
    }
    match_buckets(buckets, matrix, hash, threads, collapsed.representative);
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
