#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <queue>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "vec/cluster.hpp"
#include "vec/cluster_checks.hpp"

namespace khala::vec {
namespace {

// A neighbour: another cluster all of whose rows are similar to all of ours.
struct Link {
    std::size_t to = 0;
    double cosine = 0;  // the lowest of all pairs between the two
};

// Two clusters that could become one.
struct Candidate {
    double cosine = 0;
    std::int64_t better = 0;  // ranks of the two
    std::int64_t worse = 0;
    std::size_t a = 0;
    std::size_t b = 0;

    // Most similar first; equal ones by ranks, which no two pairs of living clusters share.
    [[nodiscard]] bool after(const Candidate& other) const noexcept {
        return std::tuple{-cosine, better, worse} > std::tuple{-other.cosine, other.better, other.worse};
    }
};

// Clusters are numbered in the order in which they come into being, so that appending keeps every list of links sorted
// by number. A cluster that was merged is dead; links to it stay in the lists of others and are passed over.
class Agglomeration {
public:
    Agglomeration(const PairColumns& pairs, std::span<const std::int64_t> rank, Representatives representative)
        : rank_{rank.begin(), rank.end()}, links_(rank.size()), parent_(rank.size(), kAlive) {
        for (std::size_t row = 0; row < rank.size(); ++row) {
            std::int64_t& best = rank_[owner_of(representative, row)];
            best = std::min(best, rank[row]);
        }
        for (std::size_t index = 0; index < pairs.left.size(); ++index) {
            const std::size_t a = owner_of(representative, static_cast<std::size_t>(pairs.left[index]));
            const std::size_t b = owner_of(representative, static_cast<std::size_t>(pairs.right[index]));
            if (a != b) {
                links_[a].push_back({b, pairs.cosine[index]});
                links_[b].push_back({a, pairs.cosine[index]});
            }
        }
        for (std::size_t cluster = 0; cluster < links_.size(); ++cluster) {
            settle(links_[cluster]);
            for (const Link& link : links_[cluster]) {
                if (link.to > cluster) {
                    propose(cluster, link);
                }
            }
        }
    }

    void run() {
        while (!queue_.empty()) {
            const Candidate next = queue_.top();
            queue_.pop();
            if (parent_[next.a] == kAlive && parent_[next.b] == kAlive) {
                merge(next.a, next.b);
            }
        }
    }

    // The cluster that a row ended up in.
    [[nodiscard]] std::size_t find(std::size_t cluster) noexcept {
        while (parent_[cluster] != kAlive) {
            std::size_t& parent = parent_[cluster];
            parent = parent_[parent] == kAlive ? parent : parent_[parent];
            cluster = parent;
        }
        return cluster;
    }
    [[nodiscard]] std::size_t count() const noexcept { return parent_.size(); }

private:
    static constexpr std::size_t kAlive = std::numeric_limits<std::size_t>::max();
    static constexpr auto kAfter = [](const Candidate& one, const Candidate& two) { return one.after(two); };

    // By number, the same pair once.
    static void settle(std::vector<Link>& links) {
        std::sort(links.begin(), links.end(), [](const Link& one, const Link& two) {
            return std::pair{one.to, one.cosine} < std::pair{two.to, two.cosine};
        });
        const auto end =
            std::unique(links.begin(), links.end(), [](const Link& one, const Link& two) { return one.to == two.to; });
        links.erase(end, links.end());
    }

    void propose(std::size_t cluster, const Link& link) {
        const auto [better, worse] = std::minmax({rank_[cluster], rank_[link.to]});
        queue_.push({link.cosine, better, worse, cluster, link.to});
    }

    void merge(std::size_t a, std::size_t b) {
        const std::size_t merged = links_.size();
        std::vector<Link> common;
        const std::vector<Link> ours = std::move(links_[a]);
        const std::vector<Link> theirs = std::move(links_[b]);
        links_[a].clear();
        links_[b].clear();
        for (auto one = ours.begin(), two = theirs.begin(); one != ours.end() && two != theirs.end();) {
            if (one->to < two->to) {
                ++one;
            } else if (two->to < one->to) {
                ++two;
            } else {
                if (parent_[one->to] == kAlive) {
                    common.push_back({one->to, std::min(one->cosine, two->cosine)});
                }
                ++one;
                ++two;
            }
        }
        parent_[a] = parent_[b] = merged;
        parent_.push_back(kAlive);
        rank_.push_back(std::min(rank_[a], rank_[b]));
        for (const Link& link : common) {
            links_[link.to].push_back({merged, link.cosine});
            propose(merged, link);
        }
        links_.push_back(std::move(common));
    }

    std::vector<std::int64_t> rank_;        // of each cluster: the best of its rows
    std::vector<std::vector<Link>> links_;  // of each living cluster
    std::vector<std::size_t> parent_;       // the cluster that a dead one became part of
    std::priority_queue<Candidate, std::vector<Candidate>, decltype(kAfter)> queue_{kAfter};
};

}  // namespace

base::Result<std::vector<std::int64_t>> complete_clusters(const PairColumns& pairs, std::span<const std::int64_t> rank,
                                                          Representatives representative) {
    const std::size_t rows = rank.size();
    KHALA_TRY(check_pairs(pairs, rows));
    KHALA_TRY(check_representatives(representative, rows));
    KHALA_TRY_ASSIGN(const std::vector<std::size_t> order, order_by_rank(rank));
    Agglomeration clusters{pairs, rank, representative};
    clusters.run();
    std::vector<std::int64_t> head(clusters.count(), -1);  // of each cluster its best-ranked row
    std::vector<std::int64_t> canonical(rows);
    for (const std::size_t row : order) {
        std::int64_t& best = head[clusters.find(owner_of(representative, row))];
        best = best < 0 ? static_cast<std::int64_t>(row) : best;
        canonical[row] = best;
    }
    return canonical;
}

}  // namespace khala::vec
