// list(): pages of rows in one of three orders.
//
// By insertion there is an index, in parts, so a page costs what lies between its first and its last row, and the rest
// of the parts of those two. Where only some states are wanted and few jobs are in them, those are looked at instead.
// By order key waiting jobs are merged from the sets that they are in, and a page costs what it holds: in_order.hpp.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "store/query.hpp"
#include "store/redis/in_order.hpp"
#include "store/redis/read.hpp"

namespace khala::store::redis {
namespace {

constexpr std::size_t kStepIds = 256;
constexpr std::array<State, job::kStateCount> kAllStates{
    State::scheduled, State::ready,  State::running,   State::blocked, State::parked,
    State::completed, State::failed, State::cancelled, State::expired, State::quarantined};

class Lister {
public:
    Lister(Core& core, const ListQuery& query, const Cursor& after)
        : core_{core}, query_{query}, after_{after}, states_{query.states} {
        if (states_.empty()) {
            states_.assign(kAllStates.begin(), kAllStates.end());
        }
        std::ranges::sort(states_);
        states_.erase(std::unique(states_.begin(), states_.end()), states_.end());
    }

    [[nodiscard]] Result<ListPage> run() {
        if (query_.order == Order::next_to_run) {
            KHALA_TRY(by_order_key());
        } else {
            KHALA_TRY_ASSIGN(const bool few, take_few());
            if (!few) {
                KHALA_TRY(walk());
            }
        }
        return std::move(page_);
    }

private:
    [[nodiscard]] bool backwards() const noexcept { return query_.order == Order::newest_first; }
    [[nodiscard]] bool is_full() const noexcept { return !page_.cursor.empty(); }

    // By insertion; backwards the refs are negative.
    [[nodiscard]] Place place_of(Ref ref) const noexcept { return {0, backwards() ? -ref : ref}; }

    // One row more than the page has room for says that there is another page.
    void add(JobRow row) {
        if (is_full() || !matches(query_, row.job, row.standing)) {
            return;
        }
        if (page_.rows.size() == static_cast<std::size_t>(query_.limit)) {
            const JobRow& last = page_.rows.back();
            page_.cursor = to_text(Cursor{query_.order, last.standing.order_key, last.ref});
            return;
        }
        page_.rows.push_back(std::move(row));
    }

    // The jobs that are still where their entries say.
    [[nodiscard]] Status add_all(std::span<const Entry> entries) {
        const bool by_key = query_.order == Order::next_to_run;
        for (std::size_t from = 0; from < entries.size() && !is_full(); from += kStepIds) {
            const auto some = entries.subspan(from, std::min(kStepIds, entries.size() - from));
            std::vector<std::string> ids;
            for (const Entry& entry : some) {
                ids.push_back(entry.id);
            }
            KHALA_TRY_ASSIGN(auto rows, read_rows(core_, ids, true, query_.with_history));
            for (std::size_t i = 0; i < ids.size(); ++i) {
                if (rows[i] && rows[i]->row.ref == some[i].place.ref &&
                    (!by_key || rows[i]->row.standing.order_key == some[i].place.score)) {
                    add(std::move(rows[i]->row));
                }
            }
        }
        return {};
    }

    // Along the index of all jobs.
    [[nodiscard]] Status walk() {
        std::string edge =
            query_.cursor.empty() ? (backwards() ? "+inf" : "-inf") : std::to_string(part_of(after_.ref));
        while (!is_full()) {
            KHALA_TRY_ASSIGN(const auto found, parts(core_, edge, backwards()));
            for (const std::string& part : found) {
                KHALA_TRY_ASSIGN(const auto ids, ids_of_part(core_, part));
                KHALA_TRY(add_part(part, ids));
                if (is_full()) {
                    return {};
                }
            }
            if (found.empty()) {
                return {};
            }
            edge = "(" + found.back();
        }
        return {};
    }

    // The jobs of a part that the page asks for, in order. What was removed is gone, and an id may have come back.
    [[nodiscard]] Status add_part(const std::string& part, std::span<const std::string> ids) {
        KHALA_TRY_ASSIGN(auto rows, read_rows(core_, ids, true, query_.with_history));
        std::map<Place, JobRow> found;
        for (auto& read : rows) {
            if (read && std::to_string(part_of(read->row.ref)) == part) {
                const Place place = place_of(read->row.ref);
                if (query_.cursor.empty() || place > place_of(after_.ref)) {
                    found.emplace(place, std::move(read->row));
                }
            }
        }
        for (auto& [place, row] : found) {
            add(std::move(row));
        }
        return {};
    }

    // The few jobs of the wanted states, if they are few. False: they are not.
    [[nodiscard]] Result<bool> take_few() {
        constexpr std::int64_t kFew = 2'000;
        if (query_.states.empty() && query_.queue.empty()) {
            return false;
        }
        KHALA_TRY_ASSIGN(const auto queues, counts(core_, query_.queue));
        std::int64_t count = 0;
        for (const QueueCounts& queue : queues) {
            for (const State state : states_) {
                count += queue.by_state[static_cast<std::size_t>(state)];
            }
        }
        if (count > kFew) {
            return false;
        }
        std::vector<std::string> names(queues.size());
        std::ranges::transform(queues, names.begin(), &QueueCounts::queue);
        if (names.empty()) {
            return true;
        }
        KHALA_TRY_ASSIGN(auto found, members(core_, names, states_));  // by ref
        if (backwards()) {
            std::ranges::reverse(found);
        }
        std::erase_if(found, [this](const Entry& entry) {
            return !query_.cursor.empty() && place_of(entry.place.ref) <= place_of(after_.ref);
        });
        KHALA_TRY(add_all(found));
        return true;
    }

    [[nodiscard]] Status by_order_key() {
        const auto after = query_.cursor.empty() ? std::nullopt : std::optional{Place{after_.order_key, after_.ref}};
        InOrder order{core_, query_, states_, after};
        std::size_t step = static_cast<std::size_t>(query_.limit) + 1;
        while (!is_full()) {
            step = std::min(step, kStepIds);
            KHALA_TRY_ASSIGN(const auto entries, order.next(step));
            if (entries.empty()) {
                break;
            }
            KHALA_TRY(add_all(entries));
            step *= 2;  // few of those jobs match
        }
        return {};
    }

    Core& core_;
    const ListQuery& query_;
    const Cursor& after_;
    std::vector<State> states_;  // ascending, each once
    ListPage page_;
};

}  // namespace

Result<ListPage> list(Core& core, const ListQuery& query) {
    KHALA_TRY(check_list(query));
    Cursor after{.order = query.order, .order_key = 0, .ref = 0};
    if (!query.cursor.empty()) {
        KHALA_TRY_ASSIGN(after, parse_cursor(query.cursor, query.order));
    }
    return Lister{core, query, after}.run();
}

}  // namespace khala::store::redis
