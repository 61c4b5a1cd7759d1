#include "store/sqlite/leases.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/plant.hpp"
#include "store/query.hpp"
#include "store/sqlite/table.hpp"

namespace khala::store::sqlite {
namespace {

struct HeldLease {
    Ref ref = 0;
    Renewed answer = Renewed::lost;
};

Result<HeldLease> find_lease(Core& core, Ref ref, const Renewal& renewal) {
    Statement& statement = core.statements.read_lease;
    Rows rows{statement.bind(ref)};
    HeldLease lease{ref, Renewed::lost};
    if (rows.next()) {
        const bool running = statement.integer(0) == static_cast<std::int64_t>(State::running);
        const bool same = (statement.integer(1) == renewal.token || KHALA_PLANT(sqlite_renew_revives)) &&
                          statement.integer(3) == id_hash(renewal.id);
        if (running && same) {
            lease.answer = statement.integer(2) != 0 ? Renewed::cancel_requested : Renewed::ok;
        }
    }
    KHALA_TRY(rows.finish());
    return lease;
}

Result<HeldLease> find_lease(Core& core, const Renewal& renewal) {
    if (renewal.ref != 0 && renewal.token != 0) {
        KHALA_TRY_ASSIGN(const HeldLease lease, find_lease(core, renewal.ref, renewal));
        if (lease.answer != Renewed::lost) {
            return lease;
        }
    }
    KHALA_TRY_ASSIGN(const Ref ref, find_ref(core, renewal.id));
    return ref == 0 ? Result<HeldLease>{HeldLease{}} : find_lease(core, ref, renewal);
}

}  // namespace

Result<std::vector<Renewed>> renew(Write& write, std::span<const Renewal> renewals, Millis lease_ms) {
    std::vector<Renewed> reply;
    reply.reserve(renewals.size());
    for (const Renewal& renewal : renewals) {
        KHALA_TRY_ASSIGN(const HeldLease lease, find_lease(write.core(), renewal));
        reply.push_back(lease.answer);
        if (lease.answer == Renewed::lost) {
            continue;
        }
        if (lease_ms > 0) {
            KHALA_TRY(write.sql().renew.bind(lease.ref, write.lease_now() + lease_ms).run());
        }
        const auto held = write.core().held.find(lease.ref);
        job::Standing* const known = held != write.core().held.end() ? &held->second.standing : nullptr;
        if (known != nullptr && lease_ms > 0) {
            known->lease_until = write.lease_now() + lease_ms;
        }
        if (renewal.progress) {
            const Progress& progress = *renewal.progress;
            KHALA_TRY(
                write.sql().write_progress.bind(lease.ref, progress.count, progress.total, progress.message).run());
            if (known != nullptr) {
                known->progress_count = progress.count;
                known->progress_total = progress.total;
                known->progress_message = progress.message;
            }
        }
    }
    return reply;
}

Result<std::vector<Renewed>> ask(Core& core, std::span<const Renewal> renewals) {
    std::vector<Renewed> reply;
    reply.reserve(renewals.size());
    for (const Renewal& renewal : renewals) {
        KHALA_TRY_ASSIGN(const HeldLease lease, find_lease(core, renewal));
        reply.push_back(lease.answer);
    }
    return reply;
}

// --- Lapsed leases --------------------------------------------------------------------------------------------

namespace {

struct Found {
    Millis lease_until;
    Ref ref;
    std::size_t holder;  // index

    friend auto operator<=>(const Found&, const Found&) = default;
};

Result<std::vector<Holder>> holders_of_leases(Core& core) {
    std::vector<Holder> holders;
    Statement& statement = core.statements.next_holder;
    for (Holder lowest = std::numeric_limits<Holder>::min();;) {
        Rows rows{statement.bind(lowest)};
        if (!rows.next()) {
            KHALA_TRY(rows.finish());
            return holders;
        }
        holders.push_back(statement.integer(0));
        lowest = holders.back() + 1;
    }
}

bool may_judge_by_age(const Core& core, Millis lease_now) noexcept {
    const Millis stalled_until = core.board->stalled_until();
    // A time further away than the grace is of another boot.
    return stalled_until <= lease_now || stalled_until > lease_now + kStallGraceMs;
}

}  // namespace

Result<std::vector<Lapse>> lapsed(Core& core, int limit) {
    KHALA_TRY(check_limit(limit, static_cast<int>(kBatchJobs)));
    const Millis lease_now = core.clock->lease_ms();
    const Millis out_of_age = may_judge_by_age(core, lease_now) ? lease_now : std::numeric_limits<Millis>::min();
    KHALA_TRY_ASSIGN(const std::vector<Holder> holders, holders_of_leases(core));
    std::vector<bool> alive;
    std::vector<Found> found;
    for (const Holder holder : holders) {
        alive.push_back(core.neighbours->is_alive(holder));
        const Millis latest = alive.back() ? out_of_age : std::numeric_limits<Millis>::max();
        Statement& statement = core.statements.leases_of;
        Rows rows{statement.bind(holder, latest, limit)};
        while (rows.next()) {
            found.push_back({statement.integer(1), statement.integer(0), alive.size() - 1});
        }
        KHALA_TRY(rows.finish());
    }
    std::ranges::sort(found);
    found.resize(std::min(found.size(), static_cast<std::size_t>(limit)));

    std::map<Holder, HolderState> states;
    std::vector<Lapse> lapses;
    for (const Found& each : found) {
        StandingRow row;
        KHALA_TRY_ASSIGN(const bool still_there, find_live(core, each.ref, row));
        if (!still_there) {
            continue;
        }
        const Holder holder = holders[each.holder];
        if (!states.contains(holder)) {
            states.emplace(holder, core.neighbours->examine(holder));
        }
        const HolderState& state = states.at(holder);
        const HolderState::Mark mark = state.mark(row.standing.token);
        KHALA_TRY_ASSIGN(Lease lease, slim_lease(core, row));
        const bool died = !alive[each.holder];
        lapses.push_back({std::move(lease), {died, died && state.explained, mark.started, mark.as_suspect}});
    }
    return lapses;
}

bool may_have_leases(Core& core, Holder holder) {
    Statement& statement = core.statements.next_holder;
    if (statement.handle() == nullptr) {
        return true;  // the store has ended
    }
    Rows rows{statement.bind(holder)};
    const bool found = rows.next();
    return !rows.finish() || (found && statement.integer(0) == holder);
}

}  // namespace khala::store::sqlite
