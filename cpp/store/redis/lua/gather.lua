-- What this call is going to write to sorted sets and to `standing`, one command a key however many jobs there are.

local function leave(key, member)
    unsent = true
    local list = removed[key]
    if list then
        list[#list + 1] = member
    else
        removed[key] = {member}
    end
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

local function flush()
    if not unsent then
        return
    end
    flush_fresh()
    for key, members in pairs(removed) do
        send('ZREM', key, members)
    end
    for key, list in pairs(added) do
        send('ZADD', key, list)
    end
    send('HSET', 'standing', records)
    for queue, tasks in pairs(lanes) do
        local list = {}
        for task in pairs(tasks) do
            list[#list + 1] = task
        end
        send('SADD', 'tasks:' .. queue, list)
    end
    unsent, lanes = false, emptied(lanes)
    removed, added, records, touched = emptied(removed), emptied(added), emptied(records), emptied(touched)
end
