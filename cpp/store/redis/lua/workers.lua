-- Workers: who knows which tasks, who was seen when.

-- ARGV: time, {id, info, queues, tasks, forgotten_ms}. Parked jobs of its tasks in its queues become ready.
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
    for i = 1, #names do
        local queue = queue_of(names[i])
        for j = 1, queue.made and #tasks or 0 do
            local members = redis.call('ZRANGE', P .. 'parked:' .. names[i] .. '\t' .. tasks[j], 0, -1)
            for k = 1, #members do
                local parked = string.sub(members[k], 14)
                local record = look(parked)
                if record and string.byte(record) == 4 then
                    make_ready(parked, record, queue, 'announce')
                end
            end
            flush()
        end
    end
    finish('')
    return {wall, leased}
end

-- Answers {id and what is known by turns, lease time}.
local function workers(keys, args)
    begin(keys, args[1])
    return {redis.call('HGETALL', P .. 'workers'), leased}
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
        local tasks = tasks_of(queue)
        for j = 1, #tasks do
            for _, kind in ipairs(known[tasks[j]] and {} or {'ready:', 'suspect:'}) do
                local members = redis.call('ZRANGE', P .. kind .. queue .. '\t' .. tasks[j], 0, request[2] - 1)
                for k = 1, #members do
                    rows[#rows + 1] = brief(string.sub(members[k], 14))
                end
            end
        end
    end
    return rows
end

-- Leases that ran out, earliest first in each queue. ARGV: time, {limit}
-- Answers {id, record, job, born} each.
local function lapsed(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local names = redis.call('SMEMBERS', P .. 'queues')
    local rows = {}
    for i = 1, #names do
        local members = redis.call('ZRANGE', P .. 'running:' .. names[i], '-inf', leased, 'BYSCORE', 'LIMIT', 0, request[1])
        for k = 1, #members do
            rows[#rows + 1] = brief(string.sub(members[k], 14))
        end
    end
    return rows
end
