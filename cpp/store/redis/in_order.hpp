// The jobs of a query by order key, from a place on: entries of several sets, merged while they are read, so that who
// wants a few pays for a few. Errors: of the connection, and corrupt.
//
// Jobs that are scheduled, running or closed are not kept by order key: each of them is looked at, in steps, before the
// first entry is known.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "store/redis/sets.hpp"

namespace khala::store::redis {

class InOrder {
public:
    // `core` and `query` outlive it. states: each once; after: nothing = from the beginning.
    InOrder(Core& core, const ListQuery& query, std::span<const State> states, std::optional<Place> after)
        : core_{core}, query_{query}, states_{states.begin(), states.end()}, last_{after} {}

    // The next entries in the order of their places, at most `most`; none at the end. What an entry says may be out of
    // date: the job may stand otherwise, or be gone.
    [[nodiscard]] Result<std::vector<Entry>> next(std::size_t most);

private:
    // What was read of a set and not given away.
    struct Source {
        SetReader reader;
        std::vector<Entry> ahead;
        std::size_t at = 0;

        [[nodiscard]] bool is_empty() const noexcept { return at == ahead.size(); }
    };

    [[nodiscard]] Status start();
    [[nodiscard]] Status fill();
    [[nodiscard]] Status look_through();
    [[nodiscard]] Status look_at(const JobSet& set, std::span<const Entry> entries);
    [[nodiscard]] std::optional<Entry> take();

    Core& core_;
    const ListQuery& query_;
    std::vector<State> states_;
    std::optional<Place> last_;  // nothing up to here is given away (any more)
    bool started_ = false;
    std::size_t step_ = 0;
    std::vector<Source> sources_;         // by order key
    std::vector<JobSet> others_;          // by a time
    std::map<Place, std::string> found_;  // of those, the first that the query wants
    bool has_more_ = false;               // there are others behind them
};

}  // namespace khala::store::redis
