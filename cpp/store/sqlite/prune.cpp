// Retention. Closed jobs of one queue and state that are kept equally long come due in the order in which they closed,
// and the index has them in that order; so a rule is a few ordered streams, merged, and stops at its limit.
#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

#include "base/failpoint.hpp"
#include "store/query.hpp"
#include "store/sqlite/manage.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

constexpr Millis kNoEnd = std::numeric_limits<Millis>::max();

// Jobs of one queue and state that are kept for `keep_ms`, up to `last_closed_at`; read some at a time.
struct Group {
    Term queue = 0;
    State state = State::completed;
    Millis keep_ms = 0;
    Millis last_closed_at = kNoEnd;
    Millis shift_ms = 0;  // what they are compared with those of other groups by: closed_at + shift

    std::vector<std::pair<Millis, Ref>> read;
    std::size_t at = 0;
    std::pair<Millis, Ref> last{std::numeric_limits<Millis>::min(), 0};
    bool ended = false;
};

class Pruner {
public:
    Pruner(Write& write, const Prune& rule) noexcept
        : write_{write}, rule_{rule}, by_keep_until_{rule.closed_before == 0 && rule.keep_count < 0} {}

    [[nodiscard]] Result<std::int64_t> run() {
        KHALA_TRY(forget_old_ids());
        KHALA_TRY_ASSIGN(const std::vector<Term> queues, queues_of_rule());
        if (by_keep_until_) {
            KHALA_TRY_ASSIGN(auto groups, groups_that_come_due(queues));
            KHALA_TRY_ASSIGN(const auto all, merge(groups, static_cast<std::size_t>(rule_.limit)));
            return remove(all);
        }
        std::vector<std::pair<Millis, Ref>> found;
        for (const Term queue : queues) {
            for (const State state : prunable_states(rule_)) {
                KHALA_TRY(add_surplus(queue, state, found));
            }
        }
        std::ranges::sort(found);
        found.resize(std::min(found.size(), static_cast<std::size_t>(rule_.limit)));
        return remove(found);
    }

private:
    using Jobs = std::vector<std::pair<Millis, Ref>>;

    Status forget_old_ids() {
        std::vector<std::string> ids;
        Statement& statement = write_.sql().forget_tombstones;
        {
            Rows rows{statement.bind(write_.now(), static_cast<std::int64_t>(kBatchJobs))};
            while (rows.next()) {
                ids.emplace_back(statement.text(0));
            }
            KHALA_TRY(rows.finish());
        }
        for (const std::string& id : ids) {
            KHALA_TRY(write_.sql().delete_tombstone.bind(id).run());
        }
        return {};
    }

    Result<std::vector<Term>> queues_of_rule() {
        std::vector<Term> queues;
        if (!rule_.queue.empty()) {
            KHALA_TRY_ASSIGN(const Term number, write_.terms().find(rule_.queue));
            queues.push_back(number);
            return queues;
        }
        Statement& statement = write_.sql().read_queues;
        Rows rows{statement};
        while (rows.next()) {
            queues.push_back(statement.integer(0));
        }
        KHALA_TRY(rows.finish());
        return queues;
    }

    Result<std::vector<Group>> groups_of(Term queue, State state) {
        std::vector<Group> groups;
        Statement& statement = write_.sql().next_keep;
        for (Millis shortest = std::numeric_limits<Millis>::min();;) {
            Rows rows{statement.bind(queue, static_cast<std::int64_t>(state), shortest)};
            if (!rows.next()) {
                KHALA_TRY(rows.finish());
                return groups;
            }
            Group& group = groups.emplace_back();
            group.queue = queue;
            group.state = state;
            group.keep_ms = statement.integer(0);
            if (group.keep_ms == std::numeric_limits<Millis>::max()) {
                return groups;
            }
            shortest = group.keep_ms + 1;
        }
    }

    Result<std::vector<Group>> groups_that_come_due(const std::vector<Term>& queues) {
        std::vector<Group> due;
        for (const Term queue : queues) {
            for (const State state : prunable_states(rule_)) {
                KHALA_TRY_ASSIGN(auto groups, groups_of(queue, state));
                for (Group& group : groups) {
                    group.last_closed_at = write_.now() - group.keep_ms;
                    group.shift_ms = group.keep_ms;
                    due.push_back(std::move(group));
                }
            }
        }
        return due;
    }

    // Jobs of a queue and state that are too old, or too many.
    Status add_surplus(Term queue, State state, Jobs& found) {
        KHALA_TRY_ASSIGN(const std::int64_t jobs, count(queue, state));
        const std::int64_t surplus = rule_.keep_count < 0 ? 0 : std::max<std::int64_t>(jobs - rule_.keep_count, 0);
        const auto limit = static_cast<std::size_t>(rule_.limit);
        KHALA_TRY_ASSIGN(auto groups, groups_of(queue, state));
        KHALA_TRY_ASSIGN(auto too_many, merge(groups, std::min(limit, static_cast<std::size_t>(surplus))));
        if (too_many.size() < limit && rule_.closed_before > 0) {
            KHALA_TRY_ASSIGN(groups, groups_of(queue, state));
            for (Group& group : groups) {
                group.last_closed_at = rule_.closed_before - 1;
            }
            KHALA_TRY_ASSIGN(auto too_old, merge(groups, limit));
            if (too_old.size() > too_many.size()) {
                too_many = std::move(too_old);  // both are the oldest: the longer list has the shorter in it
            }
        }
        found.insert(found.end(), too_many.begin(), too_many.end());
        return {};
    }

    Result<std::int64_t> count(Term queue, State state) {
        Statement& statement = write_.sql().read_tally;
        Rows rows{statement.bind(queue)};
        std::int64_t jobs = 0;
        while (rows.next()) {
            if (statement.integer(0) == static_cast<std::int64_t>(state)) {
                jobs = statement.integer(1);
            }
        }
        KHALA_TRY(rows.finish());
        return jobs;
    }

    // False at the end of the group.
    Result<bool> fill(Group& group, std::size_t chunk) {
        if (group.at < group.read.size()) {
            return true;
        }
        group.read.clear();
        group.at = 0;
        if (group.ended) {
            return false;
        }
        Statement& statement = write_.sql().closed_of_keep;
        Rows rows{statement.bind(group.queue, static_cast<std::int64_t>(group.state), group.keep_ms, group.last.first,
                                 group.last.second, group.last_closed_at, static_cast<std::int64_t>(chunk))};
        while (rows.next()) {
            group.read.emplace_back(statement.integer(0), statement.integer(1));
        }
        KHALA_TRY(rows.finish());
        group.ended = group.read.size() < chunk;
        if (!group.read.empty()) {
            group.last = group.read.back();
        }
        return !group.read.empty();
    }

    Result<Jobs> merge(std::vector<Group>& groups, std::size_t most) {
        Jobs jobs;
        if (most == 0 || groups.empty()) {
            return jobs;
        }
        constexpr std::size_t kChunkLeast = 16;
        const std::size_t chunk = std::max(kChunkLeast, 2 * most / groups.size());
        using Head = std::pair<std::pair<Millis, Ref>, std::size_t>;
        std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
        const auto offer = [&](std::size_t number) -> Status {
            Group& group = groups[number];
            KHALA_TRY_ASSIGN(const bool any, fill(group, chunk));
            if (any) {
                const auto& [closed_at, ref] = group.read[group.at];
                heads.emplace(std::pair{closed_at + group.shift_ms, ref}, number);
            }
            return {};
        };
        for (std::size_t number = 0; number < groups.size(); ++number) {
            KHALA_TRY(offer(number));
        }
        while (!heads.empty() && jobs.size() < most) {
            const auto [head, number] = heads.top();
            heads.pop();
            jobs.push_back(groups[number].read[groups[number].at++]);
            KHALA_TRY(offer(number));
        }
        return jobs;
    }

    Result<std::int64_t> remove(const Jobs& jobs) {
        for (const auto& [closed_at, ref] : jobs) {
            StandingRow row;
            KHALA_TRY_ASSIGN(const bool found, find_closed(write_.core(), ref, row));
            KHALA_TRY_ASSIGN(const auto id, id_of(ref));
            if (!found) {
                return write_.core().connection.index_damage("names closed row " + std::to_string(ref) +
                                                             ", which is not there");
            }
            KHALA_TRY(remove_job(write_, row, id));
            KHALA_FAILPOINT("prune.mid");
        }
        return static_cast<std::int64_t>(jobs.size());
    }

    Result<std::string> id_of(Ref ref) {
        Statement& statement = write_.sql().read_id;
        Rows rows{statement.bind(ref)};
        std::string id{rows.next() ? statement.text(0) : std::string_view{}};
        KHALA_TRY(rows.finish());
        return id;
    }

    Write& write_;
    const Prune& rule_;
    bool by_keep_until_;
};

}  // namespace

Result<std::int64_t> prune(Write& write, const Prune& rule) {
    KHALA_TRY(check_prune(rule));
    return Pruner{write, rule}.run();
}

}  // namespace khala::store::sqlite
