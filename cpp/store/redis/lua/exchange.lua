-- Inserts, moves, claim: in this order, in one call.
-- ARGV: time, {kinds, groups, jobs, moves, claim (false: none)}
-- Answers {letters of the jobs, letters of the moves, why the moves stopped (false: they did not), what claim_jobs()
-- answers (false: not asked, or stopped), wall, lease time}

local function exchange(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local inserted = insert(request[1], request[2], request[3])
    local moved, stop, closings = settle(request[4])
    if not closings then
        flush()   -- the claim is to see what became of those jobs
    end
    local claimed = false
    if request[5] and not stop then
        claimed = claim_jobs(request[5])
    end
    finish(request[5] and ring_name(request[5][2]) or '')
    return {inserted, moved, stop, claimed, wall, leased}
end
