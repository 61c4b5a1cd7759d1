-- Queues: settings, length, events; and the counters of tasks.

local function queue_of(name)
    local queue = queues[name]
    if not queue then
        local row = redis.call('HMGET', P .. 'queue:' .. name, 'made_at', 'paused', 'max_length', 'ageing_ms',
            'log_moves', 'idle', 'ttl')
        queue = {name = name, made = row[1], paused = row[2] == '1', most = tonumber(row[3] or 0),
            ageing = tonumber(row[4] or 0), logs = row[5] == '1', idle = row[6], ttl = tonumber(row[7] or nil)}
        queues[name] = queue
    end
    return queue
end

-- The queue, made when there is none.
local function made_queue(name)
    local queue = queue_of(name)
    if not queue.made then
        queue.made = wall
        redis.call('SADD', P .. 'queues', name)
        redis.call('HSET', P .. 'queue:' .. name, 'made_at', wall)   -- then it is known: not before
    end
    return queue
end

-- Tasks that may have jobs in ready:, suspect: or parked:; and lanes of fresh:, the best rank first: {lane, task, rank}.
local function tasks_of(queue)
    local names, tasks, lanes_ = redis.call('SMEMBERS', P .. 'tasks:' .. queue), {}, {}
    for i = 1, #names do
        local tab = string.find(names[i], '\t', 1, true)
        if tab then
            lanes_[#lanes_ + 1] = {queue .. '\t' .. names[i], string.sub(names[i], 1, tab - 1),
                tonumber(string.sub(names[i], tab + 1))}
        else
            tasks[#tasks + 1] = names[i]
        end
    end
    if #lanes_ > 1 then
        table.sort(lanes_, function(a, b) return a[3] < b[3] or (a[3] == b[3] and a[2] < b[2]) end)
    end
    return tasks, lanes_
end

local function cards(kind, queue, tasks)
    local sum = 0
    for i = 1, #tasks do
        sum = sum + redis.call('ZCARD', P .. kind .. ':' .. queue .. '\t' .. tasks[i])
    end
    return sum
end

local function ready_count(queue, tasks, lanes_)
    local sum = cards('ready', queue, tasks) + cards('suspect', queue, tasks)
    for i = 1, #lanes_ do
        sum = sum + fresh_count(lanes_[i][1])
    end
    return sum
end

-- What max_length bounds: scheduled + ready + blocked + parked. Before anything of this call is written.
local function length_of(queue)
    if not queue.length then
        local name = queue.name
        local tasks, lanes_ = tasks_of(name)
        queue.length = redis.call('ZCARD', P .. 'scheduled:' .. name) + redis.call('ZCARD', P .. 'blocked:' .. name)
            + ready_count(name, tasks, lanes_) + cards('parked', name, tasks)
    end
    return queue.length
end

-- Whether any waiting job of the queue can expire.
local function expires(queue)
    if queue.expiring == nil then
        queue.expiring = redis.call('EXISTS', P .. 'expiring:' .. queue.name) == 1
    end
    return queue.expiring
end

-- To be called for every job that comes into ready:, suspect: or parked:.
local function note_lane(queue, task)
    unsent = true
    local tasks = lanes[queue]
    if not tasks then
        tasks = {}
        lanes[queue] = tasks
    end
    tasks[task] = true
end

local function note_woken(queue, task, jobs)
    local tasks = woken[queue]
    if not tasks then
        tasks = {}
        woken[queue] = tasks
    end
    tasks[task] = (tasks[task] or 0) + jobs
end

-- When the first scheduled job of a queue is due; math.huge when there is none.
local function due_of_first(queue)
    return tonumber(redis.call('ZRANGE', P .. 'scheduled:' .. queue.name, 0, 0, 'WITHSCORES')[2] or math.huge)
end

-- A job is scheduled: if no other is due before it, somebody who waits is to know when.
local function note_scheduled(queue, task, due)
    if not queue.soonest or due < queue.soonest[1] then
        queue.soonest = {due, task}
    end
end

-- What suspects of a task are noted under, beside its ordinary jobs.
local function suspects_of(task)
    return '\t' .. task
end

local function note_ready(queue, task, suspect)
    note_lane(queue, task)
    note_woken(queue, suspect and suspects_of(task) or task, 1)
end

-- at, then the lengths of id, name, actor, detail, which follow.
local function log(queue, at, id, name, actor, detail)
    local list = queue.events
    if not list then
        list = {}
        queue.events = list
    end
    list[#list + 1] = struct.pack('<dI2I2I2I4', at, #id, #name, #actor, #detail) .. id .. name .. actor .. detail
end

local EVENTS = 1000
local function write_events()
    for name, queue in pairs(queues) do
        local list = queue.events
        if list then
            redis.call('HINCRBY', P .. 'queue:' .. name, 'events', #list)
            send('RPUSH', 'events:' .. name, list)
            redis.call('LTRIM', P .. 'events:' .. name, -EVENTS, -1)
            queue.events = nil
        end
    end
end

-- An attempt has ended. class: 1 neither, 2 completed, 3 a failure.
-- Counts: runs, completed, failures, failures in a row, duration_sum_ms, last_run_at, last_failure_at.
local function count(task, class, ended, started)
    local counts = counters[task]
    if not counts then
        local row = redis.call('HGET', P .. 'counters', task)
        counts = row and {struct.unpack('<ddddddd', row)} or {0, 0, 0, 0, 0, 0, 0}
        counters[task] = counts
    end
    counts[1] = counts[1] + 1
    counts[5] = counts[5] + math.max(ended - started, 0)
    counts[6] = ended
    if class == 2 then
        counts[2] = counts[2] + 1
        counts[4] = 0
    elseif class == 3 then
        counts[3] = counts[3] + 1
        counts[4] = counts[4] + 1
        counts[7] = ended
    end
end

local function write_counters()
    if not next(counters) then
        return
    end
    local list = {}
    for task, c in pairs(counters) do
        list[#list + 1] = task
        list[#list + 1] = struct.pack('<ddddddd', c[1], c[2], c[3], c[4], c[5], c[6], c[7])
    end
    send('HSET', 'counters', list)
end
