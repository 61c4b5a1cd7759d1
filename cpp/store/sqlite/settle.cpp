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
Result<bool> find_row(Core& core, const Move& move, StandingRow& row) {
    if (move.ref != 0 && move.from == State::running) {
        KHALA_TRY_ASSIGN(const bool found, find_live(core, move.ref, row));
        if (found && row.standing.state == State::running && row.standing.token == move.token && move.token != 0 &&
            row.id_hash == id_hash(move.id)) {
            return true;
        }
    }
    KHALA_TRY_ASSIGN(const Ref ref, find_ref(core, move.id));
    return ref == 0 ? Result<bool>{false} : find_standing(core, ref, row);
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

// A lease of this store's own that is closed as its holder decided: nearly every settlement. False when the row does
// not stand as it was left; nothing is changed then.
Result<bool> settle_held(Write& write, const Move& move) {
    auto& held = write.core().held;
    const auto found = held.find(move.ref);
    if (found == held.end() || found->second.standing.token != move.token ||
        found->second.id_hash != id_hash(move.id)) {
        return false;
    }
    StandingRow row = std::move(found->second);
    held.erase(found);  // however the lease ends
    if (move.from != State::running || !job::is_closed(move.to) || move.lease_until != 0) {
        return false;
    }
    const job::Standing& standing = row.standing;
    KHALA_TRY(write.sql()
                  .take_out
                  .bind(row.ref, stored_checksum(row), standing.lease_until, standing.progress_count,
                        standing.progress_total, standing.progress_message)
                  .run());
    if (write.core().connection.changes() == 0) {
        return false;
    }
    KHALA_TRY(apply_move(write, row, move, Logging::by_queue, Place::taken_out));
    return true;
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
    KHALA_TRY_ASSIGN(const bool was_held, settle_held(write, move));
    if (was_held) {
        return Moved::applied;
    }
    StandingRow row;
    KHALA_TRY_ASSIGN(const bool found, find_row(write.core(), move, row));
    if (!found) {
        return Moved::missing;
    }
    if (fits_row(move, row)) {
        return settle_fitting(write, row, move);
    }
    return move.from == State::running ? settle_late(write, row, move) : Result<Moved>{Moved::lost};
}

}  // namespace khala::store::sqlite
