// Jobs as rows: finding them, and the one place where a move changes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "job/move.hpp"
#include "store/sqlite/rows.hpp"
#include "store/sqlite/write.hpp"

namespace khala::store::sqlite {

// --- Finding (in a transaction of either kind) ----------------------------------------------------------------
// False when there is no such row; `out` is then as it was.
[[nodiscard]] Result<bool> find_asked(Core& core, Ref ref, Detail detail, AskedRow& out);
[[nodiscard]] Result<bool> find_live(Core& core, Ref ref, StandingRow& out);
[[nodiscard]] Result<bool> find_closed(Core& core, Ref ref, StandingRow& out);
[[nodiscard]] Result<bool> find_standing(Core& core, Ref ref, StandingRow& out);  // live or closed
[[nodiscard]] Result<Ref> find_ref(Core& core, const std::string& id);            // 0 = no such job

// Live jobs with all that was asked for, for refs that follow one another; fewer when some are not there.
struct LiveJob {
    StandingRow row;
    AskedRow asked;
};
[[nodiscard]] Status read_live_jobs(Core& core, Ref first, Ref last, std::vector<LiveJob>& out);

// Attempts as history shows them: with the one that runs or completed the job, at most kHistoryCount.
[[nodiscard]] Result<std::vector<job::Attempt>> read_history(Core& core, const StandingRow& row);

// For deciding: everything but payload and headers. The row exists.
[[nodiscard]] Result<Lease> slim_lease(Core& core, const StandingRow& row);

// --- Changing -------------------------------------------------------------------------------------------------
enum class Logging : std::uint8_t { by_queue, none };
enum class Place : std::uint8_t { in_table, taken_out };  // whether the row is still in the table where it stood

// Applies a move that fits: standing, history, counters, tally, event, outbox. `row` is then as it stands.
[[nodiscard]] Status apply_move(Write& write, StandingRow& row, const Move& move, Logging logging,
                                Place place = Place::in_table);

// Sets a waiting job apart whose checksum does not hold. The row as it then is.
[[nodiscard]] Result<JobRow> quarantine_damaged(Write& write, StandingRow& row, NewJob job);

// Appends to the history and keeps it short.
[[nodiscard]] Status add_history(Write& write, Ref ref, const job::Attempt& attempt);

// Removes a job that does not run, with its history, and remembers its id.
[[nodiscard]] Status remove_job(Write& write, const StandingRow& row, const std::string& id);

}  // namespace khala::store::sqlite
