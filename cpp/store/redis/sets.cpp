#include "store/redis/sets.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "job/lifecycle.hpp"
#include "store/redis/read.hpp"

namespace khala::store::redis {
namespace {

Result<std::vector<std::string>> strings_of(Core& core, const std::string& set) {
    KHALA_TRY_ASSIGN(const Reply reply, core.command({"SMEMBERS", core.key(set)}));
    std::vector<std::string> names;
    for (const Reply& element : reply.elements()) {
        names.emplace_back(element.text());
    }
    std::ranges::sort(names);
    return names;
}

// Also of a score that is written with an exponent.
std::int64_t number_of(std::string_view text) noexcept {
    constexpr double kMost = 9007199254740992.0;  // 2^53: what order keys and times are below
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return static_cast<std::int64_t>(std::clamp(number, -kMost, kMost));
}

// A queue's sets of a state of which there is one for each task.
void add_lanes(std::vector<JobSet>& sets, State state, const std::string& queue,
               const std::vector<std::string>& tasks) {
    for (const std::string& task : tasks) {
        std::string lane = ":";
        lane.append(queue).append("\t").append(task);
        const auto tab = task.find('\t');
        if (tab != std::string::npos) {
            if (state == State::ready) {
                sets.push_back({state, "fresh" + lane, number_of(std::string_view{task}.substr(tab + 1))});
            }
            continue;
        }
        sets.push_back({state, std::string{job::name(state)} + lane, {}});
        if (state == State::ready) {
            sets.push_back({state, "suspect" + lane, {}});
        }
    }
}

}  // namespace

Result<std::vector<std::string>> queue_names(Core& core) {
    return strings_of(core, "queues");
}

Result<std::vector<std::string>> task_names(Core& core, const std::string& queue) {
    return strings_of(core, "tasks:" + queue);
}

bool is_by_order_key(State state) noexcept {
    return state == State::ready || state == State::blocked || state == State::parked;
}

Result<std::vector<JobSet>> job_sets(Core& core, std::span<const std::string> queues, std::span<const State> states) {
    std::vector<std::string> names{queues.begin(), queues.end()};
    if (names.empty()) {
        KHALA_TRY_ASSIGN(names, queue_names(core));
    }
    std::vector<JobSet> sets;
    for (const std::string& queue : names) {
        std::optional<std::vector<std::string>> tasks;
        for (const State state : states) {
            if (state == State::ready || state == State::parked) {
                if (!tasks) {
                    KHALA_TRY_ASSIGN(tasks, task_names(core, queue));
                }
                add_lanes(sets, state, queue, *tasks);
                continue;
            }
            sets.push_back({state, std::string{job::name(state)} + ":" + queue, {}});
            if (state == State::completed) {
                sets.push_back({state, "kept:" + queue, {}});
            }
        }
    }
    return sets;
}

// Entries that are no members of ours may have no place of their own: none of that score is read any more, since a
// reader that does not get on has no end.
void SetReader::go_behind(Place place) {
    constexpr Ref kNoRef = Ref{1} << 53U;
    behind_ = behind_ && place <= *behind_ ? Place{behind_->score, kNoRef} : place;
}

Result<std::vector<std::vector<Entry>>> read_on(Core& core, std::span<SetReader* const> readers, std::size_t most) {
    constexpr std::size_t kSetsOfACall = 256;
    const auto asked = readers.first(std::min(readers.size(), kSetsOfACall));
    Packer packed;
    packed.array(2).array(asked.size());
    for (const SetReader* reader : asked) {
        packed.array(4).text(reader->set_.name);
        if (reader->set_.rank) {
            packed.integer(*reader->set_.rank);
        } else {
            packed.boolean(false);
        }
        if (reader->behind_) {
            packed.integer(reader->behind_->score).integer(reader->behind_->ref);
        } else {
            packed.boolean(false).boolean(false);
        }
    }
    packed.integer(static_cast<std::int64_t>(most));
    KHALA_TRY_ASSIGN(const Reply reply, core.run(Function::members, packed));
    const auto answers = reply.elements();
    if (answers.size() > asked.size() || (answers.empty() && !asked.empty())) {
        return odd_reply("members");
    }
    std::vector<std::vector<Entry>> found(readers.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const Reply row = part(answers[i], 0);
        const auto pairs = row.elements();
        for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
            const std::string_view member = pairs[k].text();
            found[i].push_back(
                {{number_of(pairs[k + 1].text()), ref_of_member(member)}, std::string{id_of_member(member)}});
        }
        const Reply place = part(answers[i], 1);
        asked[i]->at_end_ = !place.is_array();
        if (place.is_array()) {
            asked[i]->go_behind({number_of(part(place, 0).text()), number_of(part(place, 1).text())});
        }
    }
    return found;
}

Result<std::vector<Entry>> members(Core& core, std::span<const std::string> queues, std::span<const State> states) {
    KHALA_TRY_ASSIGN(auto sets, job_sets(core, queues, states));
    std::vector<SetReader> readers;
    readers.reserve(sets.size());
    for (JobSet& set : sets) {
        readers.emplace_back(std::move(set), std::nullopt);
    }
    std::vector<Entry> all;
    while (true) {
        std::vector<SetReader*> some;
        for (SetReader& reader : readers) {
            if (!reader.at_end()) {
                some.push_back(&reader);
            }
        }
        if (some.empty()) {
            break;
        }
        KHALA_TRY_ASSIGN(auto found, read_on(core, some, kSetStep));
        for (auto& entries : found) {
            std::ranges::move(entries, std::back_inserter(all));
        }
    }
    // A job that moves meanwhile is met twice.
    std::ranges::sort(all, {}, [](const Entry& entry) {
        return std::pair{entry.place.ref, std::string_view{entry.id}};
    });
    const auto is_same = [](const Entry& a, const Entry& b) { return a.place.ref == b.place.ref && a.id == b.id; };
    all.erase(std::unique(all.begin(), all.end(), is_same), all.end());
    return all;
}

}  // namespace khala::store::redis
