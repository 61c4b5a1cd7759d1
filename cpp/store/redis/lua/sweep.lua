-- What a claim finds to do first: scheduled jobs that are due become ready; jobs that are overdue are told to the
-- client, which decides about them. Earliest first over all queues of the claim, at most SWEEP of each.

local SWEEP = 1000

-- {score, member, queue} of the entries whose time has come, and whether there may be more.
local function come(demands, kind)
    local found, queues_with = {}, 0
    for i = 1, #demands do
        local queue = queue_of(demands[i][1])
        local some = queue.made and (kind == 'scheduled' and due_of_first(queue) <= wall
            or kind == 'expiring' and expires(queue))
        if some then
            local got = redis.call('ZRANGE', P .. kind .. ':' .. queue.name, '-inf', wall, 'BYSCORE', 'LIMIT', 0, SWEEP,
                'WITHSCORES')
            queues_with = queues_with + (#got > 0 and 1 or 0)
            for j = 1, #got, 2 do
                found[#found + 1] = {tonumber(got[j + 1]), got[j], queue}
            end
        end
    end
    local more = #found >= SWEEP
    if queues_with > 1 then
        table.sort(found, function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end)
        for i = #found, SWEEP + 1, -1 do
            found[i] = nil
        end
    end
    return found, more
end

local function prefetch_members(found)
    local ids = {}
    for i = 1, #found do
        ids[i] = string.sub(found[i][2], 14)
    end
    prefetch(ids)
    return ids
end

-- Scheduled or parked -> ready; `record` is in the set that its state says.
local function make_ready(id, record, queue, cause)
    local _, task = names_of(record)
    change(id, record, awake(record), queue, task)
    if queue.logs then
        log(queue, wall, id, cause, '', '')
    end
end

local function sweep_due(demands)
    local due, more = come(demands, 'scheduled')
    local ids = prefetch_members(due)
    for i = 1, #due do
        local record = look(ids[i])
        if record and string.byte(record) == 0 and member_of(record, ids[i]) == due[i][2] then
            make_ready(ids[i], record, due[i][3], 'due')
        else
            leave('scheduled:' .. due[i][3].name, due[i][2])   -- nothing that is scheduled
        end
    end
    if #due > 0 then
        flush()
    end
    return more
end

-- Whether an entry is a job that waits and has never been started.
local function may_expire(record, id, member)
    if not record or member_of(record, id) ~= member then
        return false
    end
    local state, _, attempt = struct.unpack('<BBI4', record)
    return state ~= 2 and state < 5 and attempt == 0
end

-- {id, record, job, born} each.
local function find_overdue(demands)
    local overdue, more = come(demands, 'expiring')
    local ids = prefetch_members(overdue)
    local rows = {}
    for i = 1, #overdue do
        local row = brief(ids[i])
        if row[3] and may_expire(row[2], ids[i], overdue[i][2]) then
            rows[#rows + 1] = row
        else
            leave('expiring:' .. overdue[i][3].name, overdue[i][2])
        end
    end
    if #overdue > 0 then
        flush()
    end
    return rows, more
end
