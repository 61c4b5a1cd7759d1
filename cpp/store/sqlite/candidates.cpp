#include "store/sqlite/candidates.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

namespace khala::store::sqlite {
namespace {

Result<Term> next_task(const OrderedIndex& index, Term queue, Term lowest) {
    Rows rows{index.next_task.bind(queue, lowest)};
    const Term task = rows.next() ? index.next_task.integer(0) : std::numeric_limits<Term>::max();
    KHALA_TRY(rows.finish());
    return task;
}

// The jobs of one task, read some at a time.
struct Stream {
    Term task = 0;
    std::vector<Candidate> read;  // what is read and not passed, from `at` on
    std::size_t at = 0;
    Candidate last{std::numeric_limits<std::int64_t>::min(), 0};
    bool ended = false;

    // False at the end.
    Result<bool> fill(const OrderedIndex& index, Term queue, std::size_t chunk) {
        if (at < read.size()) {
            return true;
        }
        read.clear();
        at = 0;
        if (ended) {
            return false;
        }
        Rows rows{index.next_jobs.bind(queue, task, last.order_key, last.ref, static_cast<std::int64_t>(chunk))};
        while (rows.next()) {
            read.push_back({index.next_jobs.integer(0), index.next_jobs.integer(1)});
        }
        KHALA_TRY(rows.finish());
        ended = read.size() < chunk;
        if (!read.empty()) {
            last = read.back();
        }
        return !read.empty();
    }
};

}  // namespace

Result<std::vector<Term>> tasks_present(const OrderedIndex& index, Term queue, std::span<const Term> among) {
    std::vector<Term> present;
    for (auto wanted = among.begin(); wanted != among.end();) {
        KHALA_TRY_ASSIGN(const Term found, next_task(index, queue, *wanted));
        wanted = std::lower_bound(wanted, among.end(), found);
        if (wanted != among.end() && *wanted == found) {
            present.push_back(found);
            ++wanted;
        }
    }
    return present;
}

Result<std::vector<Term>> tasks_present(const OrderedIndex& index, Term queue) {
    std::vector<Term> present;
    for (Term lowest = std::numeric_limits<Term>::min();;) {
        KHALA_TRY_ASSIGN(const Term found, next_task(index, queue, lowest));
        if (found == std::numeric_limits<Term>::max()) {
            return present;
        }
        present.push_back(found);
        lowest = found + 1;
    }
}

Result<std::vector<Candidate>> first_jobs(const OrderedIndex& index, Term queue, std::span<const Term> tasks,
                                          std::size_t wanted, const std::function<Result<bool>(job::Ref)>& accepts) {
    std::vector<Candidate> jobs;
    if (wanted == 0 || tasks.empty()) {
        return jobs;
    }
    constexpr std::size_t kChunkLeast = 16;
    const std::size_t chunk = tasks.size() == 1 ? wanted : std::max(kChunkLeast, 2 * wanted / tasks.size());
    std::vector<Stream> streams;
    using Head = std::pair<Candidate, std::size_t>;  // and its stream
    std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
    for (const Term task : tasks) {
        Stream& stream = streams.emplace_back();
        stream.task = task;
        KHALA_TRY_ASSIGN(const bool any, stream.fill(index, queue, chunk));
        if (any) {
            heads.emplace(stream.read.front(), streams.size() - 1);
        }
    }
    while (!heads.empty() && jobs.size() < wanted) {
        const auto [best, number] = heads.top();
        heads.pop();
        bool accepted = true;
        if (accepts) {
            KHALA_TRY_ASSIGN(accepted, accepts(best.ref));
        }
        if (accepted) {
            jobs.push_back(best);
        }
        Stream& stream = streams[number];
        ++stream.at;
        KHALA_TRY_ASSIGN(const bool any, stream.fill(index, queue, chunk));
        if (any) {
            heads.emplace(stream.read[stream.at], number);
        }
    }
    return jobs;
}

}  // namespace khala::store::sqlite
