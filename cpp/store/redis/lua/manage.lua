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
        leave('jobs', member)
        histories[i] = P .. 'history:' .. id
        remembered[2 * i - 1], remembered[2 * i] = until_, id
        records[id] = nil
        standing[id] = false
        news[#news + 1] = id
    end
    flush()
    send('HDEL', 'standing', ids)
    send('HDEL', 'asked', ids)
    for from = 1, #histories, MOST do
        redis.call('UNLINK', unpack(histories, from, math.min(from + MOST - 1, #histories)))
    end
    send('ZADD', 'gone', remembered)
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
local function kept_long_enough(limit, queue, wanted, everything)
    local ids, from = {}, 0
    repeat
        local got = redis.call('ZRANGE', P .. 'keep', '-inf', wall, 'BYSCORE', 'LIMIT', from, limit)
        local found = {}
        for i = 1, #got do
            found[i] = string.sub(got[i], 14)
        end
        prefetch(found)
        for i = 1, #got do
            local record = look(found[i])
            if not record then
                leave('keep', got[i])
            elseif #ids < limit and (everything or wanted[string.byte(record)]
                    and (queue == '' or (names_of(record)) == queue)) then
                ids[#ids + 1] = found[i]
            end
        end
        from = from + limit
    until #got < limit or #ids == limit
    return ids
end

local function too_old_or_many(limit, queue, states, before, keep_count)
    local names = queue ~= '' and {queue} or redis.call('SMEMBERS', P .. 'queues')
    local found = {}
    for i = 1, #names do
        for j = 1, #states do
            local set = P .. NAMES[states[j]] .. names[i]
            local count_ = keep_count < 0 and 0 or math.max(redis.call('ZCARD', set) - keep_count, 0)
            if before > 0 then
                count_ = math.max(count_, redis.call('ZCOUNT', set, '-inf', '(' .. string.format('%.0f', before)))
            end
            local got = count_ > 0 and redis.call('ZRANGE', set, 0, math.min(count_, limit) - 1, 'WITHSCORES') or {}
            for k = 1, #got, 2 do
                found[#found + 1] = {tonumber(got[k + 1]), got[k]}
            end
        end
    end
    table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
    local ids = {}
    for i = 1, math.min(#found, limit) do
        ids[i] = string.sub(found[i][2], 14)
    end
    prefetch(ids)
    return ids
end

local function prune(keys, args)
    begin(keys, args[1])
    local limit, tombstone_ms, by_age, queue, states, before, keep_count = unpack(cmsgpack.unpack(args[2]))
    redis.call('ZREMRANGEBYSCORE', P .. 'gone', '-inf', wall)
    local ids
    if by_age then
        ids = too_old_or_many(limit, queue, states, before, keep_count)
    else
        local wanted = {}
        for i = 1, #states do
            wanted[states[i]] = true
        end
        ids = kept_long_enough(limit, queue, wanted, queue == '' and #states == 5)
    end
    remove(ids, wall + tombstone_ms)
    finish('')
    return {#ids, wall, leased}
end
