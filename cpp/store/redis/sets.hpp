// The sets of jobs by name, and reading them in steps: however many jobs are in a set, the server is asked for some
// thousands at most, so that nobody waits long behind a reader. Errors: of the connection, and corrupt.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/redis/core.hpp"
#include "store/store.hpp"

namespace khala::store::redis {

// Those of one state of a queue, or some of them; see lua/context.lua.
struct JobSet {
    State state;
    std::string name;                  // of the key, without the prefix
    std::optional<std::int64_t> rank;  // of a lane of fresh jobs: it is a list
};
// Of these queues (empty: all) and states.
[[nodiscard]] Result<std::vector<JobSet>> job_sets(Core& core, std::span<const std::string> queues,
                                                   std::span<const State> states);
[[nodiscard]] Result<std::vector<std::string>> queue_names(Core& core);
// As in tasks:<queue>, which has the lanes of fresh jobs, too: "<task>\t<rank>".
[[nodiscard]] Result<std::vector<std::string>> task_names(Core& core, const std::string& queue);
// Whether the score of an entry is the order key of its job; otherwise it is a time, and the key is in the record only.
[[nodiscard]] bool is_by_order_key(State state) noexcept;

// The entries of a set come by score and ref.
struct Place {
    std::int64_t score = 0;
    Ref ref = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
};
struct Entry {
    Place place;
    std::string id;
};

// Where a reader is in a set.
class SetReader {
public:
    // Begins behind `behind`, or at the beginning.
    SetReader(JobSet set, std::optional<Place> behind) : set_{std::move(set)}, behind_{behind} {}

    [[nodiscard]] const JobSet& set() const noexcept { return set_; }
    [[nodiscard]] bool at_end() const noexcept { return at_end_; }

private:
    friend Result<std::vector<std::vector<Entry>>> read_on(Core& core, std::span<SetReader* const> readers,
                                                           std::size_t most);
    void go_behind(Place place);

    JobSet set_;
    std::optional<Place> behind_;
    bool at_end_ = false;
};
// The next entries of each, at most `most`. Of those that are not at their end some may get none: ask again. What stays
// in its set at its place is met once, whatever else comes and goes.
[[nodiscard]] Result<std::vector<std::vector<Entry>>> read_on(Core& core, std::span<SetReader* const> readers,
                                                              std::size_t most);
inline constexpr std::size_t kSetStep = 512;

// All of these queues (empty: all) and states, each once, by ref.
[[nodiscard]] Result<std::vector<Entry>> members(Core& core, std::span<const std::string> queues,
                                                 std::span<const State> states);

}  // namespace khala::store::redis
