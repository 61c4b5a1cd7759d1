#include <algorithm>

#include "base/limits.hpp"
#include "store/memory/memory_store.hpp"
#include "store/query.hpp"

namespace khala::store {

Result<std::vector<std::optional<JobRow>>> MemoryStore::get(std::span<const std::string> ids, bool with_history) {
    std::vector<std::optional<JobRow>> reply;
    reply.reserve(ids.size());
    for (const std::string& id : ids) {
        const Row* row = table_.find(id);
        reply.push_back(row == nullptr ? std::nullopt : std::optional{row->copy(with_history)});
    }
    return reply;
}

Result<ListPage> MemoryStore::list(const ListQuery& query) {
    KHALA_TRY(check_list(query));
    Cursor after{.order = query.order, .order_key = 0, .ref = 0};
    if (!query.cursor.empty()) {
        KHALA_TRY_ASSIGN(after, parse_cursor(query.cursor, query.order));
    }
    // Every order is ascending over a pair; going backwards is ascending over negated refs.
    const auto place_of = [&](std::int64_t order_key, Ref ref) {
        const bool backwards = query.order == Order::newest_first;
        return std::pair{query.order == Order::next_to_run ? order_key : 0, backwards ? -ref : ref};
    };
    std::map<std::pair<std::int64_t, Ref>, const Row*> found;
    for (const auto& [ref, row] : table_.rows()) {
        const auto place = place_of(row.standing.order_key, ref);
        const bool is_later = query.cursor.empty() || place > place_of(after.order_key, after.ref);
        if (is_later && matches(query, row.job, row.standing)) {
            found.emplace(place, &row);
            if (found.size() > static_cast<std::size_t>(query.limit) + 1) {
                found.erase(std::prev(found.end()));
            }
        }
    }
    ListPage page;
    for (const auto& [place, row] : found) {
        if (page.rows.size() == static_cast<std::size_t>(query.limit)) {
            const JobRow& last = page.rows.back();
            page.cursor = to_text(Cursor{query.order, last.standing.order_key, last.ref});
            break;
        }
        page.rows.push_back(row->copy(query.with_history));
    }
    return page;
}

Result<std::vector<QueueCounts>> MemoryStore::counts(const std::string& queue) {
    std::vector<QueueCounts> reply;
    for (const auto& [name, stored] : table_.queues()) {
        if (!queue.empty() && queue != name) {
            continue;
        }
        QueueCounts& counts = reply.emplace_back();
        counts.queue = name;
        counts.settings = stored.settings;
        for (std::size_t state = 0; state < job::kStateCount; ++state) {
            counts.by_state[state] = stored.count(static_cast<State>(state));
        }
        for (const memory::Index* ready : {&stored.in(State::ready), &stored.ready_suspects}) {
            for (const auto& [key, ref] : *ready) {
                const Millis due_at = table_.rows().at(ref).standing.due_at;
                counts.oldest_ready_at =
                    counts.oldest_ready_at == 0 ? due_at : std::min(counts.oldest_ready_at, due_at);
            }
        }
    }
    return reply;
}

Result<std::vector<TaskCounters>> MemoryStore::task_counters() {
    std::vector<TaskCounters> reply;
    for (const auto& [task, counters] : counters_) {
        if (counters.runs > 0) {
            reply.push_back(counters);
        }
    }
    return reply;
}

Result<std::vector<Event>> MemoryStore::events(const std::string& queue, std::int64_t after, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kListPage)));
    std::vector<Event> reply;
    if (const Queue* stored = table_.find_queue(queue); stored != nullptr) {
        for (const Event& event : stored->events) {
            if (event.sequence > after && reply.size() < static_cast<std::size_t>(limit)) {
                reply.push_back(event);
            }
        }
    }
    return reply;
}

}  // namespace khala::store
