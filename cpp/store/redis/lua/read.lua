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

-- Of a lane the first jobs. Where many of its first entries are stale (jobs were cancelled that nobody claims) ever wider
-- steps are taken, so that nobody waits long behind this; the one that is found may not be the first then.
local PATIENT = 1024
local function earliest_fresh(lane)
    local key, ids, from, step, got = P .. 'fresh:' .. lane, {}, 0, LOOKED_AT, nil
    local function look_at(first, last)
        got = redis.call('LRANGE', key, first, last)
        local some = fresh_ones(got)
        for i = 1, #some do
            ids[#ids + 1] = string.sub(some[i], 14)
        end
    end
    repeat
        look_at(from, from + LOOKED_AT - 1)
        from = from + step
        step = from < PATIENT and step or 2 * step
    until #got < LOOKED_AT or #ids >= LOOKED_AT or (#ids > 0 and from >= PATIENT)
    if #ids == 0 and from > PATIENT then
        look_at(-LOOKED_AT, -1)
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

-- Some entries of each of some sets. Entries come by score, those of one score by ref; the score of a fresh job is its
-- order key. `place_of` has the score and the ref of the entry of a number.
local members
do

local LOOKED_AT_ONCE = 1000   -- entries of one call, so that nobody waits long behind it

local function ref_of(member)
    return tonumber(string.sub(member, 1, 13)) or 0
end

-- The first of the entries from `low` on, and below `high`, that comes behind a place; `high` when there is none.
local function first_behind(low, high, place_of, score, ref)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local mine, its_ref = place_of(middle)
        if mine and (mine < score or (mine == score and its_ref <= ref)) then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

local function some_sorted(key, score, ref, most)
    local from = 0
    if score then
        local text = string.format('%.0f', score)
        from = first_behind(redis.call('ZCOUNT', key, '-inf', '(' .. text), redis.call('ZCOUNT', key, '-inf', text),
            function(number)
                local got = redis.call('ZRANGE', key, number, number, 'WITHSCORES')
                return tonumber(got[2]), got[1] and ref_of(got[1])
            end, score, ref)
    end
    local got = redis.call('ZRANGE', key, from, from + most - 1, 'WITHSCORES')
    return got, #got == 2 * most and {got[#got], string.format('%.0f', ref_of(got[#got - 1]))}, #got / 2
end

local function some_fresh(key, rank, score, ref, most)
    local function place_in(entry)
        local its_ref = entry and ref_of(entry)
        return its_ref and rank * RANK + its_ref, its_ref
    end
    local from = score and first_behind(0, redis.call('LLEN', key), function(number)
        return place_in(redis.call('LRANGE', key, number, number)[1])
    end, score, ref) or 0
    local got, row = redis.call('LRANGE', key, from, from + most - 1), {}
    local found = fresh_ones(got)
    for i = 1, #found do
        row[2 * i - 1], row[2 * i] = found[i], string.format('%.0f', (place_in(found[i])))
    end
    local last, last_ref = place_in(got[#got])
    return row, #got == most and {string.format('%.0f', last), string.format('%.0f', last_ref)}, #got
end

-- ARGV: time, {{name, rank (of a lane of fresh:; false: a sorted set), score and ref of the place behind which to begin
-- (false: from the beginning)} each, at most so many entries of each}
-- Answers {member and score by turns, the place up to which was looked (false: to the end)} each; not of all of them
-- where there are too many entries, but always of the first.
function members(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local rows, looked_at = {}, 0
    for i = 1, #request[1] do
        local name, rank, score, ref = unpack(request[1][i])
        local row, last, count_
        if rank then
            row, last, count_ = some_fresh(P .. name, rank, score, ref, request[2])
        else
            row, last, count_ = some_sorted(P .. name, score, ref, request[2])
        end
        rows[i] = {row, last}
        looked_at = looked_at + count_ + 10   -- a set of no entries costs something, too
        if looked_at >= LOOKED_AT_ONCE then
            break
        end
    end
    return rows
end

end
