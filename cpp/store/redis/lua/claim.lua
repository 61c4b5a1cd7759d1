-- Leases the best ready jobs.
--
-- The claim: 1 worker, 2 holder, 3 limit, 4 lease_ms, 5 suspects (0 none, 1 at most one, 2 only one), 6 {queue, limit}
-- each, 7 tasks, 8 swept: this is the second part of a claim whose overdue jobs are decided; 9 overdue ones are left,
-- 10 it wants to be rung for jobs that it does not get now, 11 it is in `waits`
-- Answers {overdue} when there are any to decide about, with nothing leased yet; otherwise
-- {leases, more, lease_until, terms}, three a lease: id, asked, record; hash and text by turns of the terms.

local function known_tasks(claim)
    local known = {}
    for i = 1, #claim[7] do
        known[claim[7][i]] = true
    end
    return known
end

-- The first `want` entries of a set that a claim may take: score after member, as ZRANGE has them.
local function first_of(set, want, queue, overdue_left)
    if not (overdue_left and expires(queue)) then
        return redis.call('ZRANGE', P .. set, 0, want - 1, 'WITHSCORES')
    end
    local found, from = {}, 0
    repeat
        local got = redis.call('ZRANGE', P .. set, from, from + want, 'WITHSCORES')
        for i = 1, #got, 2 do
            local until_ = redis.call('ZSCORE', P .. 'expiring:' .. queue.name, got[i])
            if #found < 2 * want and not (until_ and tonumber(until_) <= wall) then
                found[#found + 1] = got[i]
                found[#found + 1] = got[i + 1]
            end
        end
        from = from + want + 1
    until #got == 0 or #found == 2 * want
    return found
end

-- One for each task of each queue: {queue, task, entries, next, queue's number, set}.
local function find_lanes(claim, kind, known, want_of)
    local found = {}
    for number = 1, #claim[6] do
        local queue = queue_of(claim[6][number][1])
        local want = want_of(claim[6][number][2])
        if queue.made and not queue.paused and want > 0 then
            local tasks = tasks_of(queue.name)
            for i = 1, #tasks do
                local set = kind .. ':' .. queue.name .. '\t' .. tasks[i]
                local entries = known[tasks[i]] and first_of(set, want, queue, claim[9]) or {}
                if #entries > 0 then
                    found[#found + 1] = {queue, tasks[i], entries, 1, number, set}
                elseif known[tasks[i]] and redis.call('EXISTS', P .. 'ready:' .. queue.name .. '\t' .. tasks[i],
                        P .. 'suspect:' .. queue.name .. '\t' .. tasks[i],
                        P .. 'parked:' .. queue.name .. '\t' .. tasks[i]) == 0 then
                    redis.call('SREM', P .. 'tasks:' .. queue.name, tasks[i])
                end
            end
        end
    end
    return found
end

-- The lane whose next job is the best; nil when nothing is left. room: what each queue may still give (false: enough).
local function best_of(found, room)
    local best, score
    for i = 1, #found do
        local lane = found[i]
        if lane[4] < #lane[3] and (not room or room[lane[5]] > 0) then
            local mine = tonumber(lane[3][lane[4] + 1])
            if not best or mine < score or (mine == score and lane[3][lane[4]] < best[3][best[4]]) then
                best, score = lane, mine
            end
        end
    end
    return best
end

-- {lane, member} each, and whether there are more.
local function pick(found, claim, limit)
    local room, picked = {}, {}
    for number = 1, #claim[6] do
        room[number] = claim[6][number][2]
    end
    while #picked < limit do
        local lane = best_of(found, room)
        if not lane then
            break
        end
        picked[#picked + 1] = {lane, lane[3][lane[4]], lane[3][lane[4] + 1]}
        lane[4] = lane[4] + 2
        room[lane[5]] = room[lane[5]] - 1
    end
    local more = false
    for i = 1, #found do
        more = more or found[i][4] < #found[i][3]
    end
    return picked, more
end

-- What the record of a first attempt has behind its token.
local function first_tail(claim, lane, lease_until)
    local queue, task, worker = lane[1].name, lane[2], claim[1]
    return struct.pack('<dddddd', wall, claim[2], -1, lease_until, 0, 0) .. NOTHING .. struct.pack('<I4', 1) .. STILL
        .. struct.pack(LENGTHS, #queue, #task, #worker, 0, 0, 0, 0) .. queue .. task .. worker
end

local FIRST = false  -- HEAD of a first attempt
local function first_record(entry, token)
    FIRST = FIRST or struct.pack('<BBI4I4I4I4', 2, 4, 1, 0, 0, 0)
    return FIRST .. string.sub(entry[2], 1, 13) .. struct.pack('<dd', entry[3], token) .. entry[1].tail
end

local function next_record(id, record, token, claim, lease_until)
    local _, flags, attempt = struct.unpack('<BBI4', record)
    local queue, task, worker, message, err = struct.unpack(LENGTHS, record, 141)
    if flags % 8 > 3 then
        redis.call('RPUSH', P .. 'history:' .. id, record)
        -- Twice what is shown: late notes that came before it belong behind it, so the reader sorts and cuts.
        redis.call('LTRIM', P .. 'history:' .. id, -64, -1)
    end
    local names, kept = string.sub(record, 156, 155 + queue + task), 155 + queue + task + worker + message
    return struct.pack('<BBI4', 2, 4 + flags % 2, attempt + 1) .. string.sub(record, 7, 39)
        .. struct.pack('<ddd', token, wall, claim[2]) .. string.sub(record, 64, 71)
        .. struct.pack('<ddd', lease_until, 0, 0) .. NOTHING .. struct.pack('<I4', attempt + 1) .. STILL
        .. struct.pack(LENGTHS, queue, task, #claim[1], 0, err, 0, 0) .. names .. claim[1]
        .. string.sub(record, kept + 1, kept + err)
end

-- Leases the picked jobs; those that somebody deleted only leave their set.
local function lease(picked, claim, lease_until)
    local ids, leases = {}, {}
    for i = 1, #picked do
        ids[i] = string.sub(picked[i][2], 14)
    end
    if #ids == 0 then
        return leases, {}
    end
    prefetch(ids)
    local asked = fields('asked', ids)
    local token = tonumber(redis.call('HGET', P .. 'head', 'token') or 0)
    token = math.max(token + 1, micros) - 1
    local out = 0
    for i = 1, #picked do
        local id, entry, lane = ids[i], picked[i], picked[i][1]
        local queue = lane[1]
        lane.running = lane.running or 'running:' .. queue.name
        leave(lane[6], entry[2])
        if expires(queue) then
            leave('expiring:' .. queue.name, entry[2])
        end
        if asked[i] then
            terms_of(asked[i])
            token = token + 1
            local record = standing[id]
            if record then
                record = next_record(id, record, token, claim, lease_until)
            else
                lane.tail = lane.tail or first_tail(claim, lane, lease_until)
                record = first_record(entry, token)
            end
            write(id, record)
            enter(lane.running, lease_until, entry[2])
            leases[out + 1], leases[out + 2], leases[out + 3] = id, asked[i], record
            out = out + 3
            if woken[queue.name] and woken[queue.name][lane[2]] then
                woken[queue.name][lane[2]] = woken[queue.name][lane[2]] - 1
            end
            if queue.logs then
                log(queue, wall, id, 'claim', claim[1], '')
            end
        end
    end
    if out > 0 then
        redis.call('HSET', P .. 'head', 'token', string.format('%.0f', token))
    end
    local terms = {}
    for hash, text in pairs(shared) do
        terms[#terms + 1], terms[#terms + 2] = hash, text
    end
    return leases, terms
end

local function claim_suspect(claim, known, picked)
    local lane = best_of(find_lanes(claim, 'suspect', known, function() return 1 end), false)
    if lane then
        picked[#picked + 1] = {lane, lane[3][1], lane[3][2]}
    end
end

local function claim_jobs(claim)
    local more = false
    if not claim[8] then
        more = sweep_due(claim[6])
        local overdue, left = find_overdue(claim[6])
        if #overdue > 0 then
            return {overdue, more or left}
        end
    end
    local known, limit = known_tasks(claim), claim[5] == 2 and 0 or claim[3]
    local found = find_lanes(claim, 'ready', known, function(most) return most > 0 and math.min(most, limit) + 1 or 0 end)
    local picked, rest = pick(found, claim, limit)
    if claim[5] > 0 then
        claim_suspect(claim, known, picked)
    end
    if claim[10] and #picked < claim[3] then
        wait_for_jobs(claim)
    elseif claim[11] then
        redis.call('HDEL', P .. 'waits', ring_name(claim[2]))
    end
    local lease_until = leased + claim[4]
    local leases, terms = lease(picked, claim, lease_until)
    return {leases, more or rest, lease_until, terms}
end
