-- Workers: who knows which tasks, who was seen when.

-- The first parked jobs of these tasks by order key: {order key, member, set} each, at most `most`; and whether there are
-- more.
local function parked_of(queue, tasks, most)
    local parked = {}
    for i = 1, #tasks do
        local set = 'parked:' .. queue .. '\t' .. tasks[i]
        local got = redis.call('ZRANGE', P .. set, 0, most, 'WITHSCORES')
        for k = 1, #got, 2 do
            parked[#parked + 1] = {tonumber(got[k + 1]), got[k], set}
        end
    end
    table.sort(parked, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
    local more = #parked > most
    for i = #parked, most + 1, -1 do
        parked[i] = nil
    end
    return parked, more
end

-- What is parked there no more only leaves the set: else it would be met again and again.
local function wake_parked(queue, parked)
    for i = 1, #parked do
        local id = string.sub(parked[i][2], 14)
        local record = look(id)
        if record and string.byte(record) == 4 and member_of(record, id) == parked[i][2] then
            make_ready(id, record, queue, 'announce')
        else
            leave(parked[i][3], parked[i][2])
        end
    end
    flush()
end

-- ARGV: time, {id, info, queues, tasks, forgotten_ms}. Parked jobs of its tasks in its queues become ready, so many of
-- each queue at a time. Answers {wall, lease time, whether there are more: it is to be called again}
local WOKEN = 500
local function announce(keys, args)
    begin(keys, args[1])
    local id, info, names, tasks, forgotten = unpack(cmsgpack.unpack(args[2]))
    redis.call('HSET', P .. 'workers', id, struct.pack('<dd', wall, leased) .. info)
    local all = redis.call('HGETALL', P .. 'workers')
    for i = 1, #all, 2 do
        local _, seen_at = struct.unpack('<dd', all[i + 1])
        if leased - seen_at >= forgotten then
            redis.call('HDEL', P .. 'workers', all[i])
        end
    end
    local more = 0
    for i = 1, #names do
        local queue = queue_of(names[i])
        if queue.made then
            local parked, left = parked_of(names[i], tasks, WOKEN)
            wake_parked(queue, parked)
            more = left and 1 or more
        end
    end
    finish('')
    return {wall, leased, more}
end

-- Answers {id and what is known by turns, lease time}.
local function workers(keys, args)
    begin(keys, args[1])
    return {redis.call('HGETALL', P .. 'workers'), leased}
end

local function add_ready(rows, member)
    local row = brief(string.sub(member, 14))
    if row[2] and string.byte(row[2]) == 1 then
        rows[#rows + 1] = row
    end
end

-- Of ready jobs by order key: those of tasks that nobody in `known` has. ARGV: time, {{queue, {task = true}} each, limit}
-- Answers {id, record, job, born} each, at most `limit` a lane.
local function unroutable(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local rows = {}
    for i = 1, #request[1] do
        local queue, known = request[1][i][1], {}
        for j = 1, #request[1][i][2] do
            known[request[1][i][2][j]] = true
        end
        local tasks, lanes_ = tasks_of(queue)
        for j = 1, #lanes_ do
            local members = known[lanes_[j][2]] and {} or first_fresh(lanes_[j][1], request[2])
            for k = 1, #members do
                add_ready(rows, members[k])
            end
        end
        for j = 1, #tasks do
            for _, kind in ipairs(known[tasks[j]] and {} or {'ready:', 'suspect:'}) do
                local members = redis.call('ZRANGE', P .. kind .. queue .. '\t' .. tasks[j], 0, request[2] - 1)
                for k = 1, #members do
                    add_ready(rows, members[k])
                end
            end
        end
    end
    return rows
end

-- Until when an entry of a set of running jobs is leased; false when it is no such job.
local function lease_of(row, member, set)
    local id, record, asked = row[1], row[2], row[3]
    return record and asked and string.byte(record) == 2 and member_of(record, id) == member
        and place(2, false, (names_of(record))) == set and struct.unpack('<d', record, 72)
end

-- Leases that ran out, earliest first in each queue. ARGV: time, {limit}
-- Answers {id, record, job, born} each. What the sets have besides is put right: nobody else would.
local function lapsed(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local names = redis.call('SMEMBERS', P .. 'queues')
    local rows = {}
    for i = 1, #names do
        local set = 'running:' .. names[i]
        local members = redis.call('ZRANGE', P .. set, '-inf', leased, 'BYSCORE', 'LIMIT', 0, request[1])
        for k = 1, #members do
            local row = brief(string.sub(members[k], 14))
            local until_ = lease_of(row, members[k], set)
            if not until_ then
                leave(set, members[k])
            elseif until_ > leased then
                enter(set, until_, members[k])
            else
                rows[#rows + 1] = row
            end
        end
    end
    flush()
    return rows
end
