#include "store/redis/in_order.hpp"

#include <algorithm>
#include <utility>

#include "store/query.hpp"
#include "store/redis/read.hpp"

namespace khala::store::redis {

Result<std::vector<Entry>> InOrder::next(std::size_t most) {
    if (!started_) {
        KHALA_TRY(start());
    }
    std::vector<Entry> entries;
    while (entries.size() < most) {
        KHALA_TRY(fill());
        std::optional<Entry> entry = take();
        if (!entry) {
            break;
        }
        if (!last_ || entry->place > *last_) {  // otherwise it is in two sets: it moves, or is left over in one
            last_ = entry->place;
            entries.push_back(*std::move(entry));
        }
    }
    return entries;
}

Status InOrder::start() {
    std::vector<std::string> queues;
    if (!query_.queue.empty()) {
        queues.push_back(query_.queue);
    }
    KHALA_TRY_ASSIGN(auto sets, job_sets(core_, queues, states_));
    for (JobSet& set : sets) {
        if (is_by_order_key(set.state)) {
            sources_.push_back({SetReader{std::move(set), last_}, {}});
        } else {
            others_.push_back(std::move(set));
        }
    }
    step_ = static_cast<std::size_t>(query_.limit) + 1;
    started_ = true;
    return look_through();
}

// What is needed to know which entry is next. Who goes on wants more: what was there did not fill the page.
Status InOrder::fill() {
    if (found_.empty() && has_more_) {
        KHALA_TRY(look_through());
    }
    while (true) {
        std::vector<SetReader*> readers;
        std::vector<Source*> empty;
        for (Source& source : sources_) {
            if (source.is_empty() && !source.reader.at_end()) {
                readers.push_back(&source.reader);
                empty.push_back(&source);
            }
        }
        if (empty.empty()) {
            return {};
        }
        KHALA_TRY_ASSIGN(auto read, read_on(core_, readers, std::min(step_, kSetStep)));
        for (std::size_t i = 0; i < empty.size(); ++i) {
            empty[i]->ahead = std::move(read[i]);
            empty[i]->at = 0;
        }
        step_ = std::min(2 * step_, kSetStep);
    }
}

// Every job of the sets that are not by order key, in steps; the first that are wanted are kept.
Status InOrder::look_through() {
    has_more_ = false;
    for (const JobSet& set : others_) {
        SetReader reader{set, {}};
        SetReader* const only = &reader;
        while (!reader.at_end()) {
            KHALA_TRY_ASSIGN(const auto read, read_on(core_, {&only, 1}, kSetStep));
            KHALA_TRY(look_at(set, read.front()));
        }
    }
    return {};
}

Status InOrder::look_at(const JobSet& set, std::span<const Entry> entries) {
    std::vector<std::string> ids;
    ids.reserve(entries.size());
    for (const Entry& entry : entries) {
        ids.push_back(entry.id);
    }
    KHALA_TRY_ASSIGN(const auto rows, read_rows(core_, ids, false, false));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!rows[i] || rows[i]->row.standing.state != set.state ||
            !matches(query_, rows[i]->row.job, rows[i]->row.standing)) {
            continue;
        }
        const Place place{rows[i]->row.standing.order_key, rows[i]->row.ref};
        if (last_ && place <= *last_) {
            continue;
        }
        found_.emplace(place, ids[i]);
        if (found_.size() > kSetStep) {
            found_.erase(std::prev(found_.end()));
            has_more_ = true;
        }
    }
    return {};
}

std::optional<Entry> InOrder::take() {
    Source* best = nullptr;
    for (Source& source : sources_) {
        if (!source.is_empty() && (best == nullptr || source.ahead[source.at].place < best->ahead[best->at].place)) {
            best = &source;
        }
    }
    if (!found_.empty() && (best == nullptr || found_.begin()->first < best->ahead[best->at].place)) {
        const auto first = found_.begin();
        Entry entry{first->first, std::move(first->second)};
        found_.erase(first);
        return entry;
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    return std::move(best->ahead[best->at++]);
}

}  // namespace khala::store::redis
