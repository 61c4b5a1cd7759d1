-- Reading. Nothing here writes.

-- ARGV: time, {ids, with payload and headers, with history}
-- Answers {record, asked, terms, history} each; false for a job that is not there.
local function read(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local rows = {}
    prefetch(request[1])
    for i = 1, #request[1] do
        local id = request[1][i]
        local record = look(id)
        local asked = record and request_of(id)
        rows[i] = asked and {record, request[2] and asked or slim(asked), terms_of(asked),
            request[3] and redis.call('LRANGE', P .. 'history:' .. id, 0, -1) or false} or false
    end
    return rows
end

-- due_at of a ready job whose record, if it has one, was fetched.
local function due_of(id)
    local record = standing[id]
    local due = record and struct.unpack('<d', record, 64) or -1
    if due >= 0 then
        return due
    end
    local asked = request_of(id)
    local at = asked and struct.unpack('<d', asked, 17) or wall
    return record and asked and math.max(extras_of(asked).run_at or 0, at) or at
end

local function earliest_due(ids)
    local earliest
    for i = 1, #ids do
        local due = due_of(ids[i])
        earliest = earliest and math.min(earliest, due) or due
    end
    return earliest
end

-- Of the jobs in a set of ready ones the earliest due_at. In a long set only the first of every priority and those next
-- in line are looked at: whoever waited longest is among them unless the clock was set back or jobs were sent back.
local LOOKED_AT = 64
local function earliest_in(set, strict)
    local members_ = redis.call('ZRANGE', P .. set, 0, LOOKED_AT - 1)
    local from = strict and #members_ == LOOKED_AT and 0 or 256 * RANK
    while from < 256 * RANK do
        local got = redis.call('ZRANGE', P .. set, from, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
        members_[#members_ + 1] = got[1]
        from = got[2] and (math.floor(got[2] / RANK) + 1) * RANK or 256 * RANK
    end
    local ids = {}
    for i = 1, #members_ do
        ids[i] = string.sub(members_[i], 14)
    end
    prefetch(ids)
    return earliest_due(ids)
end

local function earliest_fresh(lane)
    local entries, ids = first_fresh(lane, LOOKED_AT), {}
    for i = 1, #entries do
        ids[i] = string.sub(entries[i], 14)
    end
    return earliest_due(ids)
end

local function earliest_ready(name, tasks, lanes_, strict)
    local earliest = false
    local function add(one)
        earliest = earliest and one and math.min(earliest, one) or earliest or one or false
    end
    for i = 1, #tasks do
        add(earliest_in('ready:' .. name .. '\t' .. tasks[i], strict))
        add(earliest_in('suspect:' .. name .. '\t' .. tasks[i], strict))
    end
    for i = 1, #lanes_ do
        add(earliest_fresh(lanes_[i][1]))
    end
    return earliest
end

-- ARGV: time, {queue ('': all)}
-- Answers {name, settings (made_at paused max_length ageing_ms defaults log_moves), ten counts, due_at of the ready job
-- that waited longest (false: none)} each.
local SETTINGS = {'made_at', 'paused', 'max_length', 'ageing_ms', 'defaults', 'log_moves'}
local function count_queues(keys, args)
    begin(keys, args[1])
    local only = cmsgpack.unpack(args[2])[1]
    local names = only ~= '' and {only} or redis.call('SMEMBERS', P .. 'queues')
    local rows = {}
    for i = 1, #names do
        local name = names[i]
        local settings = redis.call('HMGET', P .. 'queue:' .. name, unpack(SETTINGS))
        if settings[1] then
            local tasks, lanes_ = tasks_of(name)
            local counts = {}
            for state = 0, 9 do
                if state == 1 then
                    counts[2] = ready_count(name, tasks, lanes_)
                elseif state == 4 then
                    counts[5] = cards('parked', name, tasks)
                else
                    counts[state + 1] = redis.call('ZCARD', P .. NAMES[state] .. name)
                end
            end
            counts[6] = counts[6] + redis.call('ZCARD', P .. 'kept:' .. name)
            rows[#rows + 1] = {name, settings, counts,
                earliest_ready(name, tasks, lanes_, settings[4] == '0' or not settings[4])}
        end
    end
    return rows
end

-- ARGV: time, {queues}. Answers the earliest due_at of each, false where nothing is scheduled.
local function next_due(keys, args)
    begin(keys, args[1])
    local names, rows = cmsgpack.unpack(args[2])[1], {}
    for i = 1, #names do
        rows[i] = redis.call('ZRANGE', P .. 'scheduled:' .. names[i], 0, 0, 'WITHSCORES')[2] or false
    end
    return rows
end

-- ARGV: time, {queue, after, limit}. Answers {sequence of the first, events}.
local function events(keys, args)
    begin(keys, args[1])
    local queue, after_, limit = unpack(cmsgpack.unpack(args[2]))
    local last = tonumber(redis.call('HGET', P .. 'queue:' .. queue, 'events') or 0)
    local kept = redis.call('LLEN', P .. 'events:' .. queue)
    local skip = math.max(after_ - (last - kept), 0)
    return {last - kept + skip + 1, redis.call('LRANGE', P .. 'events:' .. queue, skip, skip + limit - 1)}
end

-- Every member of the sets named, with its score. ARGV: time, {queues ({}: all), states}
-- Answers {state, member and score by turns} for each set.
local function members(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local names = #request[1] > 0 and request[1] or redis.call('SMEMBERS', P .. 'queues')
    local rows = {}
    local function add(state, set)
        rows[#rows + 1] = {state, redis.call('ZRANGE', P .. set, 0, -1, 'WITHSCORES')}
    end
    local function add_fresh(lane)
        local entries, row = first_fresh(lane, math.huge), {}
        for i = 1, #entries do
            row[2 * i - 1], row[2 * i] = entries[i], '0'
        end
        rows[#rows + 1] = {1, row}
    end
    for i = 1, #names do
        for j = 1, #request[2] do
            local state = request[2][j]
            if state == 1 or state == 4 then
                local tasks, lanes_ = tasks_of(names[i])
                for k = 1, state == 1 and #lanes_ or 0 do
                    add_fresh(lanes_[k][1])
                end
                for k = 1, #tasks do
                    add(state, place(state, false, names[i], tasks[k]))
                    if state == 1 then
                        add(state, place(state, true, names[i], tasks[k]))
                    end
                end
            else
                add(state, place(state, false, names[i]))
            end
            if state == 5 then
                add(state, 'kept:' .. names[i])
            end
        end
    end
    return rows
end
