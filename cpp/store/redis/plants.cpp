#include "store/redis/plants.hpp"

#include <array>
#include <cassert>

namespace khala::store::redis {
namespace {

using base::Plant;

constexpr auto kLuaPlants = std::to_array<LuaPlant>({
    {Plant::redis_missing_fence, "fits = struct.unpack('<d', record, 40) == move[3]\n            and (", "fits = ("},
    {Plant::redis_wrong_end, "return redis.call('ZRANGE', P .. set, 0, want - 1, 'WITHSCORES')",
     "return redis.call('ZREVRANGE', P .. set, 0, want - 1, 'WITHSCORES')"},
    {Plant::redis_index_forgotten, "        leave(running, member)\n", ""},
    {Plant::redis_paused_claimed, "if queue.made and not queue.paused and want > 0 then",
     "if queue.made and want > 0 then"},
    {Plant::redis_due_never_ready, "local due, more = come(demands, 'scheduled')", "local due, more = {}, false"},
    {Plant::redis_tombstone_lost, "if until_[i] and tonumber(until_[i]) > wall then", "if false then"},
    {Plant::redis_renew_revives,
     "if record and string.byte(record) == 2 and struct.unpack('<d', record, 40) == renewals[i][2] then",
     "if record and string.byte(record) == 2 then"},
    {Plant::redis_retry_rekeyed, "    return head .. string.sub(record, 19, 63)\n",
     "    if ends and not closes then\n"
     "        record = string.sub(record, 1, 31) .. struct.pack('<d', struct.unpack('<d', record, 32) + 100000)\n"
     "            .. string.sub(record, 40)\n    end\n    return head .. string.sub(record, 19, 63)\n"},
    {Plant::redis_group_broken, "            verdicts[i] = verdicts[i] == 'i' and 'r' or verdicts[i]\n", ""},
    {Plant::redis_cancel_lost, "if state == 2 and flags % 4 > 1 and not move[20] then", "if false then"},
    {Plant::redis_history_lost, "    if flags % 8 > 3 then\n", "    if false then\n"},
    {Plant::redis_outbox_on_lost, "        local history = history_of(id)\n        return nil, {'late'",
     "        local history = history_of(id)\n        write_outbox(move)\n        flush()\n        return nil, "
     "{'late'"},
    {Plant::redis_unknown_task, "        if known[task] then\n            local entries, more",
     "        if true then\n            local entries, more"},
    {Plant::redis_suspect_mixed, "return (suspect and 'suspect:' or 'ready:') .. queue",
     "return (suspect and 'ready:' or 'ready:') .. queue"},
    {Plant::redis_overdue_run, "local overdue, more = come(demands, 'expiring')", "local overdue, more = {}, false"},
    {Plant::redis_token_reused, "            token = token + 1\n", ""},
});

}  // namespace

std::span<const LuaPlant> lua_plants() noexcept {
    return kLuaPlants;
}

std::string planted(std::string text) {
#if defined(KHALA_PLANTS)
    for (const LuaPlant& each : kLuaPlants) {
        if (base::plant_active(each.plant)) {
            const std::size_t at = text.find(each.right);
            assert(at != std::string::npos);
            text.replace(at, each.right.size(), each.wrong);
        }
    }
#endif
    return text;
}

}  // namespace khala::store::redis
