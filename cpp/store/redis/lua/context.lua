-- The call that runs now: where its keys are, what time it is, and what it is going to write.
--
-- The files of this folder are one chunk, in the order of library.cpp: what is `local` here is seen by those after it.
-- Writes to sorted sets and to `standing` are gathered and sent by flush(), one command a key however many jobs there
-- are. Names, records and members are read from the keys, never trusted to be there: a job that somebody deleted is
-- left out.
--
-- Keys, all below KEYS[1] = "{<prefix>}:" and so in one slot; a member is the ref in 13 digits, then the id:
--   head                 hash    sequence (order keys and refs), token, outbox: the largest that was given away; epoch and
--                                layout: probe.cpp
--   asked                hash    id -> what was asked for (asked.lua)
--   terms                hash    hash of a text -> the text: JSON that many jobs have in common (asked.lua)
--   standing             hash    id -> how the job stands (record.lua); none yet: ready, as it was born
--   history:<id>         list    attempts before the latest, oldest first
--   jobs                 zset    every member by ref
--   scheduled:<queue>    zset    by due_at            expiring:<queue>  waiting ones that never started, by expires_at
--   ready:<queue>\t<task>, suspect:…, parked:…, blocked:<queue>         by order key
--   running:<queue>      zset    by lease_until
--   completed:<queue>, failed:…, cancelled:…, expired:…, quarantined:…  by closed_at;  keep: all of them, by keep_until
--   tasks:<queue>        set     tasks that may have jobs in ready:, suspect: or parked:
--   queues               set     queue:<queue> hash of settings, events:<queue> list
--   waits, idle:<queue>          who waits for jobs: signals.lua
--   counters             hash    task -> counts;  workers hash;  outbox zset by number;  gone zset: id -> until

local P, wall, leased, micros
local standing, records   -- id -> record (false: no such job); those to be written
local texts               -- scores -> as text
local removed, added      -- sorted set -> members; -> scores and members
local touched             -- ids that `removed` and `added` are about
local shared, parsed      -- terms that were read: hash -> text; text -> what it says
local queues, lanes       -- settings that were read; queue -> tasks that got jobs
local counters            -- task -> counts that changed
local woken               -- queue -> task -> jobs that became ready
local news                -- what running workers and waiters are to hear

-- ARGV[1]: empty, or the two times in place of the server's clock (two doubles; tests only).
local function begin(keys, time)
    P = keys[1]
    if time == '' then
        local now = redis.call('TIME')
        micros = now[1] * 1000000 + now[2]
        wall = math.floor(micros / 1000)
        leased = wall
    else
        wall, leased = struct.unpack('<dd', time)
        micros = wall * 1000
    end
    standing, records, removed, added, touched = {}, {}, {}, {}, {}
    shared, parsed, texts = {}, {}, {}
    queues, lanes, counters, woken, news = {}, {}, {}, {}, {}
end

-- Lua hands at most 8,000 values to a function.
local MOST = 4000
local function send(command, key, list)
    for from = 1, #list, MOST do
        redis.call(command, P .. key, unpack(list, from, math.min(from + MOST - 1, #list)))
    end
end

-- HMGET that takes any number of fields.
local function fields(key, names)
    if #names <= MOST then
        return redis.call('HMGET', P .. key, unpack(names))
    end
    local all = {}
    for from = 1, #names, MOST do
        local some = redis.call('HMGET', P .. key, unpack(names, from, math.min(from + MOST - 1, #names)))
        for i = 1, #some do
            all[from + i - 1] = some[i]
        end
    end
    return all
end

local function leave(key, member)
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
    standing[id] = record
    records[id] = record
end

local function flush()
    for key, members in pairs(removed) do
        send('ZREM', key, members)
    end
    for key, list in pairs(added) do
        send('ZADD', key, list)
    end
    local list = {}
    for id, record in pairs(records) do
        list[#list + 1] = id
        list[#list + 1] = record
    end
    send('HSET', 'standing', list)
    for queue, tasks in pairs(lanes) do
        list = {}
        for task in pairs(tasks) do
            list[#list + 1] = task
        end
        send('SADD', 'tasks:' .. queue, list)
    end
    removed, added, records, touched, lanes = {}, {}, {}, {}, {}
end
