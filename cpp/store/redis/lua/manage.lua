-- Changes that the client decided on, each while the job still stands as the client saw it.

-- Removes jobs that are there; ids are remembered until `until_`.
local function remove(ids, until_)
    if #ids == 0 then
        return
    end
    local histories, remembered = {}, {}
    for i = 1, #ids do
        local id = ids[i]
        local record = look(id)
        local queue, task = names_of(record)
        local member = leave_place(record, id, string.byte(record), queue_of(queue), task)
        leave_index(tonumber(string.sub(member, 1, 13)))
        histories[i] = P .. 'history:' .. id
        remembered[2 * i - 1], remembered[2 * i] = until_, id
        standing[id], requests[id] = false, false
        news[#news + 1] = id
    end
    -- Without its request it is no job any more, and what else there is of it goes when somebody comes to it.
    send('ZADD', 'gone', remembered)
    send('HDEL', 'asked', ids)
    send('HDEL', 'standing', ids)
    flush()
    for from = 1, #histories, MOST do
        redis.call('UNLINK', unpack(histories, from, math.min(from + MOST - 1, #histories)))
    end
end

-- ARGV: time, {verb, actor, detail, until_, {id, record seen (false: none), record after (false: remove it; true: as it
-- is), whether it is an event} each}. Stops at the first job that stands otherwise.
-- Answers how many were done.
local function manage(keys, args)
    begin(keys, args[1])
    local verb, actor, detail, until_, list = unpack(cmsgpack.unpack(args[2]))
    local done = 0
    for i = 1, #list do
        local id, seen_, record, is_event = unpack(list[i])
        local now = look(id)
        if now ~= seen_ then
            break
        end
        if now then
            local name, task = names_of(now)
            local queue = queue_of(name)
            if is_event then
                log(queue, wall, id, verb, actor, detail)
            end
            if record == false then
                remove({id}, until_)
            elseif record ~= true then
                change(id, now, record, queue, task)
                flush()
                if string.byte(record) == 2 then
                    ring_stop(record)
                end
            end
        end
        done = i
    end
    finish('')
    return {done, wall, leased}
end

-- ARGV: time, {limit, tombstone_ms, by_age, queue ('': all), states, closed_before, keep_count}; see store.hpp: Prune.
-- Answers {removed, wall, lease time}.
-- {time, member, sorted set} each, in the order in which they go.
local function earliest_first(found)
    table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
end

local function add_entries(found, entries, more, set)
    for i = 1, #entries, 2 do
        found[#found + 1] = {tonumber(entries[i + 1]) + more, entries[i], set}
    end
end

-- The sorted set besides keep: that a job with this record is in; nil when it is not closed.
local function closed_set_of(record)
    local state, flags = string.byte(record, 1, 2)
    local queue = names_of(record)
    if state == 5 and flags >= 32 then
        return 'kept:' .. queue
    end
    return state > 4 and place(state, false, queue) or nil
end

-- Whether an entry of keep: is as the record of its job says; otherwise it goes, also from where else it may have been.
local function is_kept(record, member, until_)
    local set, queue = record and closed_set_of(record), record and names_of(record)
    if set and set ~= NAMES[5] .. queue and struct.unpack('<d', record, 88) == tonumber(until_) then
        return true
    end
    leave('keep', member)
    for state = 5, record and 10 or 4 do
        local other = (NAMES[state] or 'kept:') .. queue   -- 10: kept:
        if other ~= set then
            leave(other, member)
        end
    end
    return false
end

-- Of those in keep:, at most `limit` that are wanted.
local function add_kept(found, limit, queue, wanted)
    local from, count_ = 0, 0
    repeat
        local got = redis.call('ZRANGE', P .. 'keep', '-inf', wall, 'BYSCORE', 'LIMIT', from, limit, 'WITHSCORES')
        local ids = {}
        for i = 1, #got, 2 do
            ids[#ids + 1] = string.sub(got[i], 14)
        end
        prefetch(ids)
        for i = 1, #ids do
            local record = look(ids[i])
            if is_kept(record, got[2 * i - 1], got[2 * i]) and count_ < limit and wanted[string.byte(record)]
                    and (queue == '' or (names_of(record)) == queue) then
                add_entries(found, {got[2 * i - 1], got[2 * i]}, 0, 'keep')
                count_ = count_ + 1
            end
        end
        from = from + limit
    until #got < 2 * limit or count_ == limit
end

-- Of those that are kept as long as their queue says.
local function add_completed(found, limit, queue)
    local names = queue ~= '' and {queue} or redis.call('SMEMBERS', P .. 'queues')
    for i = 1, #names do
        local ttl = queue_of(names[i]).ttl
        if ttl then
            local set = 'completed:' .. names[i]
            add_entries(found, redis.call('ZRANGE', P .. set, '-inf', string.format('%.0f', wall - ttl), 'BYSCORE',
                'LIMIT', 0, limit, 'WITHSCORES'), ttl, set)
        end
    end
end

local function kept_long_enough(limit, queue, wanted)
    local found = {}
    add_kept(found, limit, queue, wanted)
    if wanted[5] then
        add_completed(found, limit, queue)
    end
    return found
end

-- Those of a queue and state that are too old or too many; at most `limit`.
local function add_old_or_many(found, limit, sets, before, keep_count)
    local all, old, mine = 0, 0, {}
    for i = 1, #sets do
        all = all + redis.call('ZCARD', P .. sets[i])
        old = old + (before > 0 and redis.call('ZCOUNT', P .. sets[i], '-inf', '(' .. string.format('%.0f', before)) or 0)
    end
    local count_ = math.min(math.max(old, keep_count < 0 and 0 or all - keep_count), limit)
    for i = 1, count_ > 0 and #sets or 0 do
        add_entries(mine, redis.call('ZRANGE', P .. sets[i], 0, count_ - 1, 'WITHSCORES'), 0, sets[i])
    end
    if #sets > 1 then
        earliest_first(mine)
    end
    for i = 1, count_ do
        found[#found + 1] = mine[i]
    end
end

local function too_old_or_many(limit, queue, states, before, keep_count)
    local names = queue ~= '' and {queue} or redis.call('SMEMBERS', P .. 'queues')
    local found = {}
    for i = 1, #names do
        for j = 1, #states do
            local sets = {NAMES[states[j]] .. names[i], states[j] == 5 and 'kept:' .. names[i] or nil}
            add_old_or_many(found, limit, sets, before, keep_count)
        end
    end
    return found
end

-- Their ids, at most `limit`. What is no such job leaves its set.
local function closed_ones(found, limit)
    local ids, closed = {}, {}
    for i = 1, math.min(#found, limit) do
        ids[i] = string.sub(found[i][2], 14)
    end
    prefetch(ids)
    for i = 1, #ids do
        local record, set = standing[ids[i]], found[i][3]
        if record and (set == 'keep' or closed_set_of(record) == set) then
            closed[#closed + 1] = ids[i]
        else
            leave(found[i][3], found[i][2])
        end
    end
    return closed
end

local function prune(keys, args)
    begin(keys, args[1])
    local limit, tombstone_ms, by_age, queue, states, before, keep_count = unpack(cmsgpack.unpack(args[2]))
    redis.call('ZREMRANGEBYSCORE', P .. 'gone', '-inf', wall)
    clean_stale()
    local found
    if by_age then
        found = too_old_or_many(limit, queue, states, before, keep_count)
    else
        local wanted = {}
        for i = 1, #states do
            wanted[states[i]] = true
        end
        found = kept_long_enough(limit, queue, wanted)
    end
    earliest_first(found)
    local ids = closed_ones(found, limit)
    remove(ids, wall + tombstone_ms)
    finish('')
    return {#ids, wall, leased}
end
