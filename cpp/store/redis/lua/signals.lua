-- Rings: hints for those who wait, never more than that; everybody looks every second or two besides.
--
--   waits          hash   ring number of a store that waits for jobs -> 0 for ordinary ones, 1 for suspects, too, 2 for
--                         suspects only; then the tasks it knows, each between two tabs
--   idle:<queue>   set    ring numbers that may wait for jobs of the queue; `waits` has the last word. The queue's hash
--                         has a field `idle` while there may be any
--   ring:<number>  channel  'j': jobs are ready; 's': a job that runs there was asked to stop
--   news           channel  ids of jobs that closed or were removed, one a line
--
-- A store that waits is taken out of `waits` by whoever rings it, so as many are rung as there are jobs, not all of them.

local RINGS = 64   -- of one call

local function ring_name(number)
    return string.format('%.0f', number)
end

-- The store has not got as many jobs as it could take. Of a queue of which it has no room for more it is not rung: the
-- ring would be lost to others.
local function wait_for_jobs(claim, picked)
    local taken, room = {}, false
    for i = 1, #picked, 3 do
        local name = picked[i][1].name
        taken[name] = (taken[name] or 0) + 1
    end
    for i = 1, #claim[6] do
        room = room or (taken[claim[6][i][1]] or 0) < claim[6][i][2]
    end
    local number, kind = ring_name(claim[2]), claim[5] == 0 and '0' or room and '1' or '2'
    redis.call('HSET', P .. 'waits', number, kind .. '\t' .. table.concat(claim[7], '\t') .. '\t')
    for i = 1, #claim[6] do
        local queue, limit = queue_of(claim[6][i][1]), claim[6][i][2]
        if (taken[queue.name] or 0) >= limit and kind ~= '2' then
            redis.call('SREM', P .. 'idle:' .. queue.name, number)
        else
            if not queue.idle then
                redis.call('HSET', P .. 'queue:' .. queue.name, 'idle', 1)
                queue.idle = '1'
            end
            redis.call('SADD', P .. 'idle:' .. queue.name, number)
        end
    end
end

-- Whether a store that waits could take a job of this task, or a suspect of it.
local function may_take(waits, task)
    local kind = string.sub(waits, 1, 1)
    if string.sub(task, 1, 1) == '\t' then
        return kind ~= '0' and string.find(waits, task .. '\t', 1, true)
    end
    return kind ~= '2' and string.find(waits, '\t' .. task .. '\t', 1, true)
end

-- Rings stores that know one of the tasks (task -> jobs); `own` has just looked.
local function ring_queue(queue, tasks, own)
    if not queue_of(queue).idle then
        return
    end
    local left = 0
    for _, jobs in pairs(tasks) do
        left = left + jobs
    end
    if left <= 0 then
        return
    end
    local numbers = redis.call('SRANDMEMBER', P .. 'idle:' .. queue, RINGS)
    if #numbers == 0 then
        redis.call('HDEL', P .. 'queue:' .. queue, 'idle')
    end
    for i = 1, #numbers do
        local known = numbers[i] ~= own and left > 0 and redis.call('HGET', P .. 'waits', numbers[i])
        if known == false and numbers[i] ~= own and left > 0 then
            redis.call('SREM', P .. 'idle:' .. queue, numbers[i])
        end
        for task, jobs in pairs(known and tasks or {}) do
            if jobs > 0 and may_take(known, task) then
                redis.call('HDEL', P .. 'waits', numbers[i])
                if redis.call('PUBLISH', P .. 'ring:' .. numbers[i], 'j') > 0 then
                    tasks[task] = jobs - 1
                    left = left - 1
                else
                    redis.call('SREM', P .. 'idle:' .. queue, numbers[i])   -- nobody listens there any more
                end
                break
            end
        end
    end
end

-- For a queue's next scheduled job, if this call brought it: whoever is rung finds nothing to lease, and is told when it
-- is due.
local function ring_soonest(queue, own)
    local soonest = queue.soonest
    if soonest and queue.idle and due_of_first(queue) == soonest[1] then
        ring_queue(queue.name, {[soonest[2]] = 1}, own)
    end
end

-- For what this call made ready and did not lease itself, what it scheduled, and what it closed.
local function ring(own)
    for queue, tasks in pairs(woken) do
        ring_queue(queue, tasks, own)
    end
    for _, queue in pairs(queues) do
        ring_soonest(queue, own)
    end
    if #news > 0 then
        redis.call('PUBLISH', P .. 'news', table.concat(news, '\n'))
    end
end

-- The queue is not paused any more.
local function ring_resumed(queue)
    local tasks, lanes_ = tasks_of(queue)
    local ready = {}
    for i = 1, #tasks do
        ready[tasks[i]] = redis.call('ZCARD', P .. 'ready:' .. queue .. '\t' .. tasks[i])
    end
    for i = 1, #lanes_ do
        local task = lanes_[i][2]
        ready[task] = (ready[task] or 0) + fresh_count(lanes_[i][1])
    end
    ring_queue(queue, ready, '')
end

local function ring_stop(record)
    redis.call('PUBLISH', P .. 'ring:' .. ring_name((struct.unpack('<d', record, 56))), 's')
end

-- The end of every function that writes. own: ring number of the caller, or ''.
local function finish(own)
    flush()
    write_events()
    write_counters()
    ring(own)
end
