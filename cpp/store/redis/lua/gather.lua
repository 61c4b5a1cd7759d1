-- What this call is going to write to sorted sets and to `standing`, one command a key however many jobs there are.

-- Entering comes before leaving, here and in flush(): a member that has just been entered into this set stays.
local function leave(key, member)
    local entered = added[key]
    if entered and entered[#entered] == member then
        return
    end
    unsent = true
    local list = removed[key]
    if list then
        list[#list + 1] = member
    else
        removed[key] = {member}
    end
end

-- An entry at the front of a lane of fresh: goes.
local function take(lane)
    unsent = true
    taken[lane] = (taken[lane] or 0) + 1
end

-- Scores are times, which many jobs of a call share, or order keys; the server would format each of them anew, and that
-- is dearer than anything else that is done for a job.
local function enter(key, score, member)
    unsent = true
    local list = added[key]
    if not list then
        list = {}
        added[key] = list
    end
    local text = texts[score]
    if not text then
        text = string.format('%.0f', score)
        texts[score] = text
    end
    list[#list + 1] = text
    list[#list + 1] = member
end

local function write(id, record)
    unsent = true
    standing[id] = record
    local at = #records
    records[at + 1], records[at + 2] = id, record   -- of those of one id the last one counts
end

-- In this order: where the server refuses one of the writes (a foreign value at its key, a right that was taken away), a
-- job is still where it was, and whoever asked asks again. What it has entered by then and should not is left out, and
-- dropped, by those who come to it: they compare it with the job's record.
local function flush()
    if not unsent then
        return
    end
    for queue, tasks in pairs(lanes) do
        local list = {}
        for task in pairs(tasks) do
            list[#list + 1] = task
        end
        send('SADD', 'tasks:' .. queue, list)
    end
    for key, list in pairs(added) do
        send('ZADD', key, list)
    end
    send('HSET', 'standing', records)
    for key, members in pairs(removed) do
        send('ZREM', key, members)
    end
    for lane, count_ in pairs(taken) do
        redis.call('LTRIM', P .. 'fresh:' .. lane, count_, -1)
    end
    flush_fresh()
    unsent, lanes, taken = false, emptied(lanes), emptied(taken)
    removed, added, records, touched = emptied(removed), emptied(added), emptied(records), emptied(touched)
end
