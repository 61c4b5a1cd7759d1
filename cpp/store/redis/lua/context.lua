-- The call that runs now: where its keys are, what time it is, and what it is going to write.
--
-- The files of this folder are one chunk, in the order of library.cpp: what is `local` here is seen by those after it.
-- Writes to sorted sets and to `standing` are gathered and sent by flush(). Names, records and members are read from the keys, never trusted to be there: a job that somebody deleted is
-- left out.
--
-- Keys, all below KEYS[1] = "{<prefix>}:" and so in one slot; a member is the ref in 13 digits, then the id:
--   head                 hash    sequence (order keys and refs), token, outbox: the largest that was given away; epoch and
--                                layout: probe.cpp; confirmed: core.cpp
--   asked                hash    id -> what was asked for (asked.lua)
--   terms                hash    hash of a text -> the text: JSON that many jobs have in common (asked.lua)
--   standing             hash    id -> how the job stands (record.lua); none: in fresh:, as it was born
--   history:<id>         list    attempts before the latest, oldest first
--   jobs                 zset    numbers of the parts of the index of all jobs; part <n>: index:<n> (fresh.lua)
--   fresh:<queue>\t<task>\t<rank>  list of members that were ready at once and are not touched since (fresh.lua)
--   scheduled:<queue>    zset    by due_at            expiring:<queue>  waiting ones that never started, by expires_at
--   ready:<queue>\t<task>, suspect:…, parked:…, blocked:<queue>         by order key
--   running:<queue>      zset    by lease_until
--   completed:<queue>    zset    by closed_at; of those that are kept for `ttl`, a field of the queue's hash: most of them
--   kept:<queue>         zset    by closed_at; other completed ones
--   failed:<queue>, cancelled:…, expired:…, quarantined:…  by closed_at;  keep: they and those in kept:, by keep_until
--   tasks:<queue>        set     tasks that may have jobs in ready:, suspect: or parked:
--   queues               set     queue:<queue> hash of settings, events:<queue> list
--   waits, idle:<queue>          who waits for jobs: signals.lua
--   counters             hash    task -> counts;  workers hash;  outbox zset by number;  gone zset: id -> until

local P, wall, leased, micros
local standing, records   -- id -> record (false: no such job); ids and records to be written, by turns
local requests            -- id -> what was asked for (false: no such job), where it was read
local unwritten           -- id -> lane of fresh:, of jobs without a record
local stale               -- lane of fresh: -> entries that became stale
local unindexed           -- part of the index -> jobs that were removed
local texts               -- scores -> as text
local removed, added      -- sorted set -> members; -> scores and members
local taken               -- lane of fresh: -> entries at its front that go
local touched             -- ids that `removed` and `added` are about
local shared, parsed      -- terms that were read: hash -> text; text -> what it says
local queues, lanes       -- settings that were read; queue -> tasks that got jobs
local counters            -- task -> counts that changed
local woken               -- queue -> task -> jobs that became ready
local news                -- what running workers and waiters are to hear
local unsent              -- something is gathered that flush() has not sent

-- A table with nothing in it: the old one where it is empty, since a call makes more tables than anything else.
local function emptied(old)
    return old and next(old) == nil and old or {}
end

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
    standing, records, removed, added = emptied(standing), emptied(records), emptied(removed), emptied(added)
    unsent, taken = false, emptied(taken)
    touched, requests, unwritten, stale = emptied(touched), emptied(requests), emptied(unwritten), emptied(stale)
    unindexed, shared, parsed, texts = emptied(unindexed), emptied(shared), emptied(parsed), emptied(texts)
    queues, lanes, counters, woken, news = {}, emptied(lanes), emptied(counters), emptied(woken), emptied(news)
end

-- Lua hands at most 8,000 values to a function.
local MOST = 4000
local function send(command, key, list)
    if #list > 0 and #list <= MOST then
        return redis.call(command, P .. key, unpack(list))
    end
    local reply
    for from = 1, #list, MOST do
        reply = redis.call(command, P .. key, unpack(list, from, math.min(from + MOST - 1, #list)))
    end
    return reply
end

-- A list that was empty is noted by a command. Where the server refuses that, the list goes again: who adds to it next
-- would not note it any more, and nobody would ever look into it.
local function note_list(list, command, key, ...)
    local noted = redis.pcall(command, P .. key, ...)
    if type(noted) == 'table' and noted.err then
        redis.call('UNLINK', P .. list)
        error(noted)
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
