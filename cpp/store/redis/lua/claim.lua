-- Leases the best ready jobs.
--
-- The claim: 1 worker, 2 holder, 3 limit, 4 lease_ms, 5 suspects (0 none, 1 at most one, 2 only one), 6 {queue, limit}
-- each, 7 tasks, 8 swept: this is the second part of a claim whose overdue jobs are decided; 9 overdue ones are left,
-- 10 it wants to be rung for jobs that it does not get now, 11 it is in `waits`
-- Answers {overdue} when there are any to decide about, with nothing leased yet; otherwise
-- {leases, more, lease_until, terms, token, names, due}: three a lease: id, asked, record, or of a first attempt the number of
-- its queue and task in `names`; hash and text by turns of the terms; the token that comes before the first one; queue and
-- task by turns; when the next scheduled job is due, for a claim that got less than it could take (false: none).

-- Lua has room for 200 locals in a chunk, and the library is one: what only this file uses is in a block.
local claim_jobs
do

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

-- A lane: 1 queue, 2 task, 3 entries and their order keys by turns, 4 the next of them, 5 queue's number, 6 sorted set, or
-- lane of fresh:, 7 rank of such a lane, 8 of suspects.

-- Where there is nothing of a task any more, nobody needs to look again.
local function forget_task(queue, task)
    if redis.call('EXISTS', P .. 'ready:' .. queue.name .. '\t' .. task, P .. 'suspect:' .. queue.name .. '\t' .. task,
            P .. 'parked:' .. queue.name .. '\t' .. task) == 0 then
        redis.call('SREM', P .. 'tasks:' .. queue.name, task)
    end
end

-- The first entries of a lane of fresh: and their order keys by turns; whether it was not looked into far enough. Entries
-- that are known to be stale are dropped; others are met when they are leased.
local function first_of_fresh(lane, rank, want, has_stale)
    local entries, more = nil, false
    if has_stale then
        entries, more = take_fresh(lane, want)
    else
        entries = redis.call('LRANGE', P .. 'fresh:' .. lane, 0, want - 1)
    end
    local with_keys = {}
    for i = 1, #entries do
        with_keys[2 * i - 1] = entries[i]
        with_keys[2 * i] = rank * RANK + tonumber(string.sub(entries[i], 1, 13))
    end
    return with_keys, more
end

-- Adds those of fresh: to `found`; whether some were not looked into far enough.
local function find_fresh(queue, number, known, want, found)
    local count_, worst, cut, names = 0, nil, false, {}
    for i = 1, #queue.fresh do
        names[i] = queue.fresh[i][1]
    end
    local counts = #names > 0 and fields('stale', names)
    for i = 1, #names do
        local lane, task, rank = queue.fresh[i][1], queue.fresh[i][2], queue.fresh[i][3]
        if count_ >= want and rank > worst then
            break   -- enough that are better than all that follow
        end
        if known[task] then
            local entries, more = first_of_fresh(lane, rank, want, counts[i])
            if #entries > 0 then
                found[#found + 1] = {queue, task, entries, 1, number, lane, rank}
                count_, worst = count_ + #entries / 2, rank
            elseif not more then
                redis.call('SREM', P .. 'tasks:' .. queue.name, string.sub(lane, #queue.name + 2))
            end
            cut = cut or more
        end
    end
    return cut
end

-- Of each task of each queue, and whether some were not looked into far enough.
local function find_lanes(claim, kind, known, want_of)
    local found, cut = {}, false
    for number = 1, #claim[6] do
        local queue = queue_of(claim[6][number][1])
        local want = want_of(claim[6][number][2])
        if queue.made and not queue.paused and want > 0 then
            if not queue.tasks then
                queue.tasks, queue.fresh = tasks_of(queue.name)
            end
            for i = 1, #queue.tasks do
                local task = queue.tasks[i]
                local set = kind .. ':' .. queue.name .. '\t' .. task
                local entries = known[task] and first_of(set, want, queue, claim[9]) or {}
                if #entries > 0 then
                    found[#found + 1] = {queue, task, entries, 1, number, set, nil, kind == 'suspect'}
                elseif known[task] then
                    forget_task(queue, task)
                end
            end
            cut = kind == 'ready' and find_fresh(queue, number, known, want, found) or cut
        end
    end
    return found, cut
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

-- {lane, member, order key} of each, by turns.
local function add_pick(picked, lane)
    local at, next_ = #picked, lane[4]
    picked[at + 1], picked[at + 2], picked[at + 3] = lane, lane[3][next_], lane[3][next_ + 1]
    lane[4] = next_ + 2
end

-- The picked ones, and whether there are more.
local function pick(found, claim, limit)
    local room, picked = {}, {}
    if #found == 1 then   -- nothing to compare
        local lane, entries = found[1], found[1][3]
        local count_ = math.min(limit, claim[6][lane[5]][2], #entries / 2)
        for i = 1, count_ do
            picked[3 * i - 2], picked[3 * i - 1], picked[3 * i] = lane, entries[2 * i - 1], entries[2 * i]
        end
        lane[4] = 2 * count_ + 1
        return picked, 2 * count_ < #entries
    end
    for number = 1, #claim[6] do
        room[number] = claim[6][number][2]
    end
    for _ = 1, limit do
        local lane = best_of(found, room)
        if not lane then
            break
        end
        add_pick(picked, lane)
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
local function first_record(member, key, token, tail)
    FIRST = FIRST or struct.pack('<BBI4I4I4I4', 2, 4, 1, 0, 0, 0)
    return FIRST .. string.sub(member, 1, 13) .. struct.pack('<dd', key, token) .. tail
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

-- The ids of the picked jobs, whose requests and records are known then.
local function ids_of(picked)
    local ids = {}
    for i = 1, #picked / 3 do
        ids[i] = string.sub(picked[3 * i - 1], 14)
    end
    prefetch(ids)
    local asked = fields('asked', ids)
    for i = 1, #ids do
        requests[ids[i]] = whole(asked[i])
        if unwritten[ids[i]] then
            standing[ids[i]] = nil   -- it was made up by look()
        end
    end
    return ids
end

-- Whether an entry of a lane is a job that may be leased. Not for good: an id may be in several lanes, or twice in one, of
-- which one entry at most is that job.
local function is_ready(id, lane, member, key)
    local asked, record = requests[id], standing[id]
    if not asked or lane[7] then
        return asked and not record and is_numbered(asked, key - lane[7] * RANK)
    end
    return record and string.byte(record) == 1 and string.sub(record, 19, 31) == string.sub(member, 1, 13)
end

-- A lane loses an entry.
local function leave_lane(lane, member)
    if lane[7] then
        take(lane[6])
    else
        leave(lane[6], member)
    end
end

-- Writes the lease down. Answers the record, or the number of a first attempt's names.
local function lease_one(id, lane, member, key, token, claim, lease_until, names)
    local before = standing[id]
    if not lane.tail then
        lane.tail, lane.running = first_tail(claim, lane, lease_until), 'running:' .. lane[1].name
        lane.names = #names / 2
        names[#names + 1], names[#names + 2] = lane[1].name, lane[2]
    end
    local record = before and next_record(id, before, token, claim, lease_until)
    write(id, record or first_record(member, key, token, lane.tail))
    unwritten[id] = nil
    enter(lane.running, lease_until, member)
    if not lane[7] and expires(lane[1]) then
        leave('expiring:' .. lane[1].name, member)
    end
    local woken_, noted = woken[lane[1].name], lane[8] and suspects_of(lane[2]) or lane[2]
    if woken_ and woken_[noted] then
        woken_[noted] = woken_[noted] - 1
    end
    if lane[1].logs then
        log(lane[1], wall, id, 'claim', claim[1], '')
    end
    return record or lane.names
end

-- Leases the picked jobs; what is none only leaves its lane. Answers leases, terms, token and names.
local function lease(picked, claim, lease_until)
    if #picked == 0 then
        return {}, {}, 0, {}
    end
    local ids, leases, out = ids_of(picked), {}, 0
    local token = math.max(tonumber(redis.call('HGET', P .. 'head', 'token') or 0) + 1, micros) - 1
    local before, names = token, {}
    for i = 1, #ids do
        local id, lane, member = ids[i], picked[3 * i - 2], picked[3 * i - 1]
        leave_lane(lane, member)
        if is_ready(id, lane, member, picked[3 * i]) then
            local asked = requests[id]
            terms_of(asked)
            token = token + 1
            local record = lease_one(id, lane, member, picked[3 * i], token, claim, lease_until, names)
            leases[out + 1], leases[out + 2], leases[out + 3] = id, asked, record
            out = out + 3
        end
    end
    if out > 0 then
        redis.call('HSET', P .. 'head', 'token', string.format('%.0f', token))
    end
    local terms = {}
    for hash, text in pairs(shared) do
        terms[#terms + 1], terms[#terms + 2] = hash, text
    end
    return leases, terms, before, names
end

local function claim_suspect(claim, known, picked)
    local lane = best_of(find_lanes(claim, 'suspect', known, function() return 1 end), false)
    if lane then
        add_pick(picked, lane)
    end
end

local function next_due_of(demands)
    local next_ = math.huge
    for i = 1, #demands do
        next_ = math.min(next_, due_of_first(queue_of(demands[i][1])))
    end
    return next_ < math.huge and next_
end

function claim_jobs(claim)
    local more, due = false, false
    if not claim[8] then
        more = sweep_due(claim[6])
        local overdue, left = find_overdue(claim[6])
        if #overdue > 0 then
            return {overdue, more or left}
        end
    end
    local known, limit = known_tasks(claim), claim[5] == 2 and 0 or claim[3]
    local found, cut = find_lanes(claim, 'ready', known, function(most)
        return most > 0 and math.min(most, limit) + 1 or 0
    end)
    local picked, rest = pick(found, claim, limit)
    if claim[10] and (#picked / 3 < claim[3] or claim[5] == 2) then
        wait_for_jobs(claim, picked)
        due = next_due_of(claim[6])
    elseif claim[11] then
        redis.call('HDEL', P .. 'waits', ring_name(claim[2]))
    end
    if claim[5] > 0 then
        claim_suspect(claim, known, picked)
    end
    local lease_until = leased + claim[4]
    local leases, terms, token, names = lease(picked, claim, lease_until)
    return {leases, more or rest or cut, lease_until, terms, token, names, due}
end

end
