#include "engine/watchers.hpp"

#include <memory>
#include <utility>

namespace khala::engine {

void Watchers::add(Watch watch) {
    for (std::string& id : watch.ids) {
        wanted_.push_back(id);
        waiting_.emplace(std::move(id), watch.from);
    }
}

void Watchers::remove(const Address& from) {
    std::erase_if(waiting_, [&from](const auto& entry) {
        return entry.second.ticket == from.ticket && entry.second.port == from.port;
    });
}

void Watchers::remove(const std::shared_ptr<Port>& port) {
    std::erase_if(waiting_, [&port](const auto& entry) { return entry.second.port == port; });
}

void Watchers::want(const std::string& id) {
    if (awaits(id)) {
        wanted_.push_back(id);
    }
}

void Watchers::want_all() {
    all_ = waiting_.size();
}

std::vector<std::string> Watchers::take_wanted(std::size_t limit) {
    std::vector<std::string> taken;
    for (; !wanted_.empty() && taken.size() < limit; wanted_.pop_back()) {
        taken.push_back(std::move(wanted_.back()));
    }
    auto next = waiting_.lower_bound(window_end_);
    for (; all_ > 0 && taken.size() < limit && !waiting_.empty(); --all_) {
        if (next == waiting_.end()) {
            next = waiting_.begin();
        }
        if (taken.empty() || taken.back() != next->first) {
            taken.push_back(next->first);
        }
        ++next;
    }
    window_end_ = next == waiting_.end() ? std::string{} : next->first;
    if (waiting_.empty()) {
        all_ = 0;
    }
    return taken;
}

void Watchers::found(const std::string& id, std::optional<store::JobRow> row) {
    if (row && !job::is_closed(row->standing.state)) {
        return;
    }
    const auto [begin, end] = waiting_.equal_range(id);
    for (auto entry = begin; entry != end; ++entry) {
        if (row) {
            outbox_.reply(entry->second, Answer{std::make_unique<store::JobRow>(*row)});
        } else {
            outbox_.reply(entry->second, Error{ErrorCode::not_found, "job", "there is no job " + id});
        }
    }
    waiting_.erase(begin, end);
}

}  // namespace khala::engine
