#include "store/sqlite/check.hpp"

#include <utility>

#include "store/sqlite/sql.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

constexpr std::int64_t kChunk = 1000;

// The lines that a statement of check_*.sql gives.
template <typename... Values>
Status gather(Core& core, std::string_view name, std::string_view text, std::vector<std::string>& faults,
              const Values&... values) {
    KHALA_TRY_ASSIGN(Statement statement, Statement::prepare(core.connection, name, text));
    Rows rows{statement.bind(values...)};
    while (rows.next()) {
        if (statement.text(0) != "ok") {
            faults.emplace_back(statement.text(0));
        }
    }
    return rows.finish();
}

Result<std::vector<Ref>> next_refs(Statement& statement, Ref after) {
    std::vector<Ref> refs;
    Rows rows{statement.bind(after, kChunk)};
    while (rows.next()) {
        refs.push_back(statement.integer(0));
    }
    KHALA_TRY(rows.finish());
    return refs;
}

Status check_sums(Core& core, Ref ref, std::vector<std::string>& faults) {
    AskedRow asked;
    StandingRow row;
    KHALA_TRY_ASSIGN(const bool was_asked, find_asked(core, ref, Detail::full, asked));
    KHALA_TRY_ASSIGN(const bool stands, find_standing(core, ref, row));
    if (!was_asked || !stands) {
        return {};  // another check tells
    }
    // What was set apart because of its damage has been noticed.
    const bool noticed = row.standing.state == State::quarantined;
    if (asked.damaged && !noticed) {
        faults.push_back("job " + asked.job.id + " is not what was enqueued: its checksum does not hold");
    }
    if (row.damage != 0) {
        faults.push_back("job " + asked.job.id + " does not stand as it was left: its checksum does not hold");
    }
    return {};
}

// A row of `live` in a state that such a row can be set apart from.
State waiting_state(State state) noexcept {
    return job::is_closed(state) ? State::ready : state;
}

}  // namespace

Result<std::vector<std::string>> check(Core& core) {
    std::vector<std::string> faults;
    KHALA_TRY(gather(core, "check_integrity", sql::check_integrity, faults));
    KHALA_TRY(gather(core, "check_places", sql::check_places, faults));
    KHALA_TRY(gather(core, "check_live", sql::check_live, faults));
    KHALA_TRY(gather(core, "check_closed", sql::check_closed, faults));
    KHALA_TRY(gather(core, "check_tallies", sql::check_tallies, faults));
    KHALA_TRY(gather(core, "check_beside", sql::check_beside, faults, static_cast<std::int64_t>(kHistoryCount),
                     core.clock->wall_ms()));
    KHALA_TRY_ASSIGN(Statement jobs, Statement::prepare(core.connection, "all_jobs", sql::all_jobs));
    for (Ref after = 0;;) {
        KHALA_TRY_ASSIGN(const auto refs, next_refs(jobs, after));
        if (refs.empty()) {
            return faults;
        }
        for (const Ref ref : refs) {
            KHALA_TRY(check_sums(core, ref, faults));
        }
        after = refs.back();
    }
}

Result<std::vector<JobRow>> repair(Write& write) {
    Core& core = write.core();
    KHALA_TRY(core.connection.execute(sql::reindex));
    std::vector<JobRow> set_apart;
    KHALA_TRY_ASSIGN(Statement live, Statement::prepare(core.connection, "all_live", sql::all_live));
    for (Ref after = 0;;) {
        KHALA_TRY_ASSIGN(const auto refs, next_refs(live, after));
        if (refs.empty()) {
            break;
        }
        for (const Ref ref : refs) {
            std::vector<LiveJob> found;
            KHALA_TRY(read_live_jobs(core, ref, ref, found));
            for (auto& [row, asked] : found) {
                if (row.damage == 0) {
                    continue;
                }
                row.queue = asked.damaged ? row.queue : asked.key.queue;
                row.standing.state = waiting_state(row.standing.state);
                KHALA_TRY_ASSIGN(JobRow apart, quarantine_damaged(write, row, std::move(asked.job)));
                set_apart.push_back(std::move(apart));
            }
        }
        after = refs.back();
    }
    KHALA_TRY(write.recount());
    core.connection.forget_index_damage();
    return set_apart;
}

}  // namespace khala::store::sqlite
