-- ARGV: time, {queue, changes (field and value by turns), actor, {name, detail} of each event, ageing_ms (-1: as it
-- is), base of each priority, rank of each, whether it goes on after a pause}. A new ageing_ms gives every job of the queue that is not closed a new order key, in the order (enqueued_at,
-- ref). This walks over all of them in one call: it is an operator's act, not a worker's.

local function open_members(name)
    local found = {}
    local function add(set)
        local members_ = redis.call('ZRANGE', P .. set, 0, -1)
        for i = 1, #members_ do
            local id = string.sub(members_[i], 14)
            local asked = request_of(id)
            local terms = asked and parsed_terms(asked)
            if terms then
                found[#found + 1] = {(struct.unpack('<d', asked, 17)), string.sub(members_[i], 1, 13), id, set,
                    terms.priority, asked}
            end
        end
    end
    for _, kind in ipairs({'scheduled', 'running', 'blocked'}) do
        add(kind .. ':' .. name)
    end
    local tasks = tasks_of(name)
    for i = 1, #tasks do
        for _, kind in ipairs({'ready', 'suspect', 'parked'}) do
            add(kind .. ':' .. name .. '\t' .. tasks[i])
        end
    end
    table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
    return found
end

-- Jobs without a record have the order key that a strict queue gave them: they get one, and a place among the others.
local function write_fresh(name)
    local _, lanes_ = tasks_of(name)
    for i = 1, #lanes_ do
        local lane, task = lanes_[i][1], lanes_[i][2]
        local entries = first_fresh(lane, math.huge)
        for k = 1, #entries do
            local id = string.sub(entries[k], 14)
            local _, key = struct.unpack('<dd', requests[id])
            write(id, blank(1, string.sub(entries[k], 1, 13), key, -1, name, task))
            enter('ready:' .. name .. '\t' .. task, key, entries[k])
            note_lane(name, task)
        end
        flush()
        redis.call('UNLINK', P .. 'fresh:' .. lane)
        redis.call('HDEL', P .. 'stale', lane)
        redis.call('SREM', P .. 'tasks:' .. name, string.sub(lane, #name + 2))
    end
end

-- strict, aged: priority -> base and rank, as in insert.lua.
local function rekey(name, ageing, strict, aged)
    write_fresh(name)
    local found = open_members(name)
    local number = 0
    if ageing == 0 then
        number = redis.call('HINCRBY', P .. 'head', 'sequence', #found) - #found
    end
    for i = 1, #found do
        local at, ref, id, set, priority, asked = unpack(found[i])
        number = number + 1
        local key = ageing > 0 and at + aged[priority + 1] * ageing or strict[priority + 1] + number
        redis.call('HSET', P .. 'asked', id, string.sub(asked, 1, 8) .. struct.pack('<d', key) .. string.sub(asked, 17))
        local record = redis.call('HGET', P .. 'standing', id)
        if record then
            local flags = string.byte(record, 2)
            if string.byte(record) == 2 and flags < 16 then
                flags = flags + 16
            end
            write(id, string.sub(record, 1, 1) .. string.char(flags) .. string.sub(record, 3, 31)
                .. struct.pack('<d', key) .. string.sub(record, 40))
        end
        local kind = string.match(set, '^%a+')
        if kind ~= 'scheduled' and kind ~= 'running' then
            enter(set, key, ref .. id)
        end
    end
    flush()
end

local function change_queue(keys, args)
    begin(keys, args[1])
    local name, changes, actor, list, ageing, strict, aged, resumed = unpack(cmsgpack.unpack(args[2]))
    local queue = made_queue(name)
    if ageing >= 0 and ageing ~= queue.ageing then
        rekey(name, ageing, strict, aged)
    end
    if #changes > 0 then
        redis.call('HSET', P .. 'queue:' .. name, unpack(changes))
    end
    for i = 1, #list do
        log(queue, wall, '', list[i][1], actor, list[i][2])
    end
    if resumed then
        ring_resumed(name)
    end
    finish('')
    return {wall, leased}
end
