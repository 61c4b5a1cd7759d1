// Planted bugs: mistakes that a job store could plausibly have, compiled in for tests only and switched on one at a
// time. The suites must find every one of them; that is what shows they would find the unplanted ones.
//
//     if (!KHALA_PLANT(missing_fence) && row.token != move.token) { return Moved::lost; }
//
// In builds without KHALA_PLANTS the macro is the constant false. One plant is active at a time, for the whole process.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace khala::base {

// Where the mistake is made. `shared`: in code that both stores run, so comparing them finds nothing; the checker must.
enum class PlantSite : std::uint8_t { shared, memory, sqlite, redis };

// clang-format off
#define KHALA_PLANT_TABLE(PLANT)                                                                          \
    PLANT(none,                    shared, "nothing is wrong")                                            \
    /* cpp/job */                                                                                         \
    PLANT(retry_over_budget,       shared, "one retry more than the policy allows")                       \
    PLANT(retry_without_wait,      shared, "the back-off is computed and not used")                       \
    PLANT(not_on_ignored,          shared, "an error class that is not to be retried is")                 \
    PLANT(release_spends_attempt,  shared, "a job that was handed back has lost an attempt")              \
    PLANT(snooze_spends_budget,    shared, "a snooze counts as a failure")                                \
    PLANT(suspect_not_cleared,     shared, "completion does not clear suspicion")                         \
    PLANT(lapse_blames,            shared, "a lapse without a death costs a crash")                       \
    PLANT(cancel_lost_on_retry,    shared, "a job that was asked to stop is retried")                     \
    PLANT(order_key_too_large,     shared, "order keys that a double cannot hold")                        \
    PLANT(order_key_upside_down,   shared, "the lowest priority runs first")                              \
    /* cpp/store */                                                                                       \
    PLANT(missing_fence,           shared, "a move is applied whatever its token")                        \
    PLANT(renewed_lease_taken,     shared, "a lease renewed since it was read is taken back")             \
    PLANT(attempt_at_settle,       shared, "the attempt is counted when it ends, not at the claim")       \
    PLANT(late_note_dropped,       shared, "what a late holder brought is not noted")                     \
    PLANT(limit_ignores_priority,  shared, "a claim takes each queue's best, not the best of all")        \
    PLANT(history_unbounded,       shared, "history is not cut")                                          \
    PLANT(counters_forget_streak,  shared, "a completion does not end the streak of failures")            \
    /* cpp/store/memory */                                                                                \
    PLANT(memory_wrong_end,        memory, "the ready job with the largest key is claimed")               \
    PLANT(memory_index_forgotten,  memory, "a settled job stays in the index of running ones")            \
    PLANT(memory_group_broken,     memory, "jobs that fit are inserted though their group is refused")    \
    PLANT(memory_paused_claimed,   memory, "a paused queue is claimed")                                   \
    PLANT(memory_due_never_ready,  memory, "scheduled jobs that are due stay scheduled")                  \
    PLANT(memory_tombstone_lost,   memory, "a pruned id may be used again at once")                       \
    PLANT(memory_renew_revives,    memory, "a renewal with an old token is accepted")                     \
    PLANT(memory_retry_rekeyed,    memory, "a retried job goes to the end of the line")                   \
    PLANT(memory_unknown_task,     memory, "a claim takes jobs of tasks its worker does not know")        \
    PLANT(memory_suspect_mixed,    memory, "suspects are claimed beside other jobs")                      \
    PLANT(memory_overdue_run,      memory, "a job is leased after it expired")                            \
    PLANT(memory_token_reused,     memory, "a claim does not draw a fresh token")                         \
    PLANT(memory_outbox_on_lost,   memory, "a lost move still writes its outbox entries")                 \
    /* cpp/store/sqlite */                                                                                \
    PLANT(sqlite_missing_fence,    sqlite, "the update of a move does not compare the token")             \
    PLANT(sqlite_wrong_end,        sqlite, "the claim reads the index from its other end")                \
    PLANT(sqlite_tally_forgotten,  sqlite, "a settled job is not taken off the tally of running ones")    \
    PLANT(sqlite_paused_claimed,   sqlite, "a paused queue is claimed")                                   \
    PLANT(sqlite_due_never_ready,  sqlite, "scheduled jobs that are due stay scheduled")                  \
    PLANT(sqlite_tombstone_lost,   sqlite, "a pruned id may be used again at once")                       \
    PLANT(sqlite_renew_revives,    sqlite, "a renewal with an old token is accepted")                     \
    PLANT(sqlite_retry_rekeyed,    sqlite, "a retried job goes to the end of the line")                   \
    PLANT(sqlite_group_broken,     sqlite, "jobs that fit are inserted though their group is refused")    \
    PLANT(sqlite_cancel_lost,      sqlite, "a request to stop is not seen by the move that settles")      \
    PLANT(sqlite_history_lost,     sqlite, "an attempt that ended is not kept when the next one starts")  \
    PLANT(sqlite_outbox_on_lost,   sqlite, "a lost move still writes its outbox entries")                 \
    /* cpp/store/redis/plants.cpp */                                                                      \
    PLANT(redis_missing_fence,     redis,  "a move does not compare the token")                           \
    PLANT(redis_wrong_end,         redis,  "the ready job with the largest key is claimed")               \
    PLANT(redis_index_forgotten,   redis,  "a settled job stays in the set of running ones")              \
    PLANT(redis_paused_claimed,    redis,  "a paused queue is claimed")                                   \
    PLANT(redis_due_never_ready,   redis,  "scheduled jobs that are due stay scheduled")                  \
    PLANT(redis_tombstone_lost,    redis,  "a pruned id may be used again at once")                       \
    PLANT(redis_renew_revives,     redis,  "a renewal with an old token is accepted")                     \
    PLANT(redis_retry_rekeyed,     redis,  "a retried job goes to the end of the line")                   \
    PLANT(redis_group_broken,      redis,  "jobs that fit are inserted though their group is refused")    \
    PLANT(redis_cancel_lost,       redis,  "a request to stop is not seen by the move that settles")      \
    PLANT(redis_history_lost,      redis,  "an attempt that ended is not kept when the next one starts")  \
    PLANT(redis_outbox_on_lost,    redis,  "a lost move still writes its outbox entries")                 \
    PLANT(redis_unknown_task,      redis,  "a claim takes jobs of tasks its worker does not know")        \
    PLANT(redis_suspect_mixed,     redis,  "suspects are claimed beside other jobs")                      \
    PLANT(redis_overdue_run,       redis,  "a job is leased after it expired")                            \
    PLANT(redis_token_reused,      redis,  "a claim does not draw a fresh token")
// clang-format on

enum class Plant : std::uint8_t {
#define KHALA_PLANT_ENUM(name, site, text) name,
    KHALA_PLANT_TABLE(KHALA_PLANT_ENUM)
#undef KHALA_PLANT_ENUM
};

struct PlantInfo {
    Plant plant;
    std::string_view name;
    PlantSite site;
    std::string_view text;  // the mistake, in one line
};

inline constexpr auto kPlants = std::to_array<PlantInfo>({
#define KHALA_PLANT_INFO(name, site, text) {Plant::name, #name, PlantSite::site, text},
    KHALA_PLANT_TABLE(KHALA_PLANT_INFO)
#undef KHALA_PLANT_INFO
});

#if defined(KHALA_PLANTS)
// Switches every other plant off. Plant::none: all off.
void activate_plant(Plant plant) noexcept;
[[nodiscard]] bool plant_active(Plant plant) noexcept;
#endif

}  // namespace khala::base

#if defined(KHALA_PLANTS)
#define KHALA_PLANT(name) ::khala::base::plant_active(::khala::base::Plant::name)
#else
#define KHALA_PLANT(name) false
#endif
