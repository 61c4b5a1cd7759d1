#include "store/sqlite/settle.hpp"

#include <optional>
#include <utility>

#include "base/plant.hpp"
#include "job/lifecycle.hpp"
#include "store/apply.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

// The row that the move is about. Where ref, token and the hash of the id match, nobody has to look at the id itself.
Result<std::optional<StandingRow>> find_row(Core& core, const Move& move) {
    if (move.ref != 0 && move.from == State::running) {
        KHALA_TRY_ASSIGN(auto live, find_live(core, move.ref));
        if (live && live->standing.state == State::running && live->standing.token == move.token && move.token != 0 &&
            live->id_hash == id_hash(move.id)) {
            return live;
        }
    }
    KHALA_TRY_ASSIGN(const Ref ref, find_ref(core, move.id));
    if (ref == 0) {
        return std::optional<StandingRow>{};
    }
    return find_standing(core, ref);
}

bool fits_row(const Move& move, const StandingRow& row) {
    if (KHALA_PLANT(sqlite_missing_fence) && move.from == State::running && row.standing.state == State::running) {
        return true;
    }
    return fits(move, row.standing);
}

// The holder decided with what it knew; what was asked of the job meanwhile is heeded here.
Result<Moved> settle_fitting(Write& write, StandingRow& row, const Move& move) {
    if (move.from != State::running || !row.standing.cancel_requested || KHALA_PLANT(sqlite_cancel_lost)) {
        KHALA_TRY(apply_move(write, row, move, Logging::by_queue));
        return Moved::applied;
    }
    KHALA_TRY_ASSIGN(const Lease lease, slim_lease(write.core(), row));
    const Move heeded = job::heed_cancel(move, row.standing, lease.job.result_ttl_ms);
    KHALA_TRY(apply_move(write, row, heeded, Logging::by_queue));
    return heeded.to == move.to ? Moved::applied : Moved::cancelled;
}

Result<Moved> settle_late(Write& write, const StandingRow& row, const Move& move) {
    KHALA_TRY_ASSIGN(const auto history, read_history(write.core(), row));
    const Late late = examine_late(move, history);
    if (late.note) {
        KHALA_TRY(add_history(write, row.ref, *late.note));
    }
    if (KHALA_PLANT(sqlite_outbox_on_lost)) {
        for (const job::OutboxEntry& entry : move.outbox) {
            write.head().outbox += 1;
            KHALA_TRY(write.sql()
                          .insert_outbox.bind(write.head().outbox, move.id, move.token, entry.target, entry.body)
                          .run());
        }
    }
    return late.repeated ? Moved::applied : Moved::lost;
}

}  // namespace

Result<Moved> settle(Write& write, const Move& move) {
    KHALA_TRY_ASSIGN(auto row, find_row(write.core(), move));
    if (!row) {
        return Moved::missing;
    }
    if (fits_row(move, *row)) {
        return settle_fitting(write, *row, move);
    }
    return move.from == State::running ? settle_late(write, *row, move) : Result<Moved>{Moved::lost};
}

}  // namespace khala::store::sqlite
