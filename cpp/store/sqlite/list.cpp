// Lists: which statement can find the rows of a query without looking at many others, and pages of what they find.
#include <algorithm>
#include <limits>
#include <utility>

#include "store/query.hpp"
#include "store/sqlite/read.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

// Where a row is in the order of the query. order_key is 0 in orders that do not ask for it.
struct Position {
    std::int64_t order_key = 0;
    Ref ref = 0;
};

std::int64_t bit(State state) noexcept {
    return std::int64_t{1} << static_cast<unsigned>(state);
}

class Lister {
public:
    Lister(Core& core, const ListQuery& query) noexcept
        : core_{core}, query_{query}, direction_{query.order == Order::newest_first ? -1 : 1} {}

    [[nodiscard]] Result<ListPage> run() {
        KHALA_TRY(check_list(query_));
        KHALA_TRY(start());
        ListPage page;
        std::size_t examined = 0;
        const auto limit = static_cast<std::size_t>(query_.limit);
        while (!nothing_) {
            KHALA_TRY_ASSIGN(const std::vector<Position> places, next_places(limit + 1));
            if (places.empty()) {
                return page;
            }
            for (const Position& place : places) {
                KHALA_TRY_ASSIGN(auto row, read_job(core_, place.ref, query_.with_history));
                if (row && matches(query_, row->job, row->standing)) {
                    if (page.rows.size() == limit) {
                        page.cursor = cursor_of(page.rows.back());
                        return page;
                    }
                    page.rows.push_back(*std::move(row));
                } else if (++examined >= kExaminedMost) {
                    page.cursor = to_text(Cursor{query_.order, place.order_key, place.ref});
                    return page;
                }
                after_ = place;
            }
        }
        return page;
    }

private:
    Status start() {
        after_.ref = direction_ > 0 ? 0 : std::numeric_limits<Ref>::max();
        after_.order_key = std::numeric_limits<std::int64_t>::min();
        if (!query_.cursor.empty()) {
            KHALA_TRY_ASSIGN(const Cursor cursor, parse_cursor(query_.cursor, query_.order));
            after_ = {cursor.order_key, cursor.ref};
        }
        for (const State state : query_.states) {
            states_ |= bit(state);
        }
        constexpr auto kAllStates = static_cast<unsigned>(job::kStateCount);
        states_ = query_.states.empty() ? (std::int64_t{1} << kAllStates) - 1 : states_;
        KHALA_TRY_ASSIGN(queue_, core_.terms->find(query_.queue));
        KHALA_TRY_ASSIGN(task_, core_.terms->find(query_.task));
        nothing_ = (queue_ == 0 && !query_.queue.empty()) || (task_ == 0 && !query_.task.empty());
        return {};
    }

    std::string cursor_of(const JobRow& row) const {
        return to_text(Cursor{query_.order, row.standing.order_key, row.ref});
    }

    [[nodiscard]] bool wants(State state) const noexcept { return (states_ & bit(state)) != 0; }

    // The next rows that may match, in order. Every source gives its first ones, so the first of all are among them.
    Result<std::vector<Position>> next_places(std::size_t count) {
        found_.clear();
        const auto limit = static_cast<std::int64_t>(count);
        if (query_.order == Order::next_to_run) {
            KHALA_TRY(gather_by_order(core_.statements.list_live_by_order, limit));
            KHALA_TRY(gather_by_order(core_.statements.list_closed_by_order, limit));
        } else if (!query_.correlation_id.empty()) {
            KHALA_TRY(gather(
                core_.statements.list_correlation.bind(after_.ref, limit, query_.correlation_id, 0, 0, direction_)));
        } else if (!query_.parent_id.empty()) {
            KHALA_TRY(gather(core_.statements.list_parent.bind(after_.ref, limit, query_.parent_id, 0, 0, direction_)));
        } else {
            KHALA_TRY(gather_live(limit));
            KHALA_TRY(gather_closed(limit));
        }
        std::ranges::sort(found_, [&](const Position& a, const Position& b) {
            return std::pair{a.order_key, a.ref * direction_} < std::pair{b.order_key, b.ref * direction_};
        });
        found_.resize(std::min(found_.size(), count));
        return found_;
    }

    Status gather_live(std::int64_t limit) {
        Statements& sql = core_.statements;
        if (wants(State::ready)) {
            Statement& all = direction_ > 0 ? sql.list_live : sql.list_live_back;
            return gather(all.bind(after_.ref, limit, states_, queue_, task_));
        }
        const std::pair<State, Statement&> few[] = {{State::scheduled, sql.list_scheduled},
                                                    {State::running, sql.list_running},
                                                    {State::blocked, sql.list_blocked},
                                                    {State::parked, sql.list_parked}};
        for (const auto& [state, statement] : few) {
            if (wants(state)) {
                KHALA_TRY(gather(statement.bind(after_.ref, limit, states_, queue_, task_, direction_)));
            }
        }
        return {};
    }

    Status gather_closed(std::int64_t limit) {
        Statements& sql = core_.statements;
        if (wants(State::completed)) {
            Statement& all = direction_ > 0 ? sql.list_closed : sql.list_closed_back;
            return gather(all.bind(after_.ref, limit, states_, queue_, task_));
        }
        Statement& few = direction_ > 0 ? sql.list_not_completed : sql.list_not_completed_back;
        for (const State state : {State::failed, State::cancelled, State::expired, State::quarantined}) {
            if (wants(state)) {
                KHALA_TRY(
                    gather(few.bind(after_.ref, limit, states_, queue_, task_, static_cast<std::int64_t>(state))));
            }
        }
        return {};
    }

    Status gather(Statement& bound) {
        Rows rows{bound};
        while (rows.next()) {
            found_.push_back({0, bound.integer(0)});
        }
        return rows.finish();
    }

    Status gather_by_order(Statement& statement, std::int64_t limit) {
        Rows rows{statement.bind(after_.order_key, limit, states_, queue_, task_, after_.ref)};
        while (rows.next()) {
            found_.push_back({statement.integer(0), statement.integer(1)});
        }
        return rows.finish();
    }

    Core& core_;
    const ListQuery& query_;
    std::int64_t direction_;
    Position after_;
    std::int64_t states_ = 0;
    Term queue_ = 0;
    Term task_ = 0;
    bool nothing_ = false;
    std::vector<Position> found_;
};

}  // namespace

Result<ListPage> list(Core& core, const ListQuery& query) {
    return Lister{core, query}.run();
}

}  // namespace khala::store::sqlite
