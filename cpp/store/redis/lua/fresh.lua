-- Jobs that nothing has happened to, and the index of all jobs: lists, since adding to a sorted set is the dearest part
-- of putting a job in, and takes the most room.
--
--   fresh:<queue>\t<task>\t<rank>  list   members by ref, of strict queues only: rank * RANK + ref is the order key
--   stale                          hash   lane (<queue>\t<task>\t<rank>) -> entries that are no fresh jobs any more
--   index:<n>                      list   ids of the jobs whose ref is n * PART or more, and below (n + 1) * PART
--   removed                        hash   part of the index -> how many of its entries were removed
--
-- An entry is a fresh job while that job has this ref and no record in `standing`. A job that gets a record in another
-- way than by a claim leaves its entry behind, counted in `stale`; who comes to it drops it. Likewise an entry of the
-- index is a job while that job has a ref of this part; a part goes when all of its jobs are gone and no more can come.

local RANK = 35184372088832   -- 2^45, order_key.hpp
local PART = 256

-- Numbers as text, for those that come again and again.
local TEXTS, KEPT = {}, 0
local function text_of(number)
    local text = TEXTS[number]
    if not text then
        if KEPT == 1000 then
            TEXTS, KEPT = {}, 0
        end
        text = string.format('%.0f', number)
        TEXTS[number], KEPT = text, KEPT + 1
    end
    return text
end

local function lane_of(queue, task, rank)
    return queue .. '\t' .. task .. '\t' .. text_of(rank)
end

-- --- the index of all jobs ---

-- ids of new jobs whose refs follow `last`, in order.
local function index_all(ids, last)
    local from, count = 1, #ids
    while from <= count do
        local ref = last + from
        local part = math.floor(ref / PART)
        local upto = math.min(count, from + (part + 1) * PART - 1 - ref)
        local name = text_of(part)
        if redis.call('RPUSH', P .. 'index:' .. name, unpack(ids, from, upto)) == upto - from + 1 then
            note_list('index:' .. name, 'ZADD', 'jobs', name, name)
        end
        from = upto + 1
    end
end

local function leave_index(ref)
    local part = math.floor(ref / PART)
    unindexed[part], unsent = (unindexed[part] or 0) + 1, true
end

local function drop_parts()
    if not next(unindexed) then
        return
    end
    local latest = math.floor((tonumber(redis.call('HGET', P .. 'head', 'sequence') or 0) + 1) / PART)
    for part, count_ in pairs(unindexed) do
        local name = text_of(part)
        local gone = redis.call('HINCRBY', P .. 'removed', name, count_)
        if part ~= latest and gone >= redis.call('LLEN', P .. 'index:' .. name) then
            redis.call('UNLINK', P .. 'index:' .. name)
            redis.call('ZREM', P .. 'jobs', name)
            redis.call('HDEL', P .. 'removed', name)
        end
    end
    unindexed = {}
end

-- --- fresh jobs ---

-- More entries are stale, or less.
local function count_stale(lane, more)
    if redis.call('HINCRBY', P .. 'stale', lane, more) <= 0 then   -- below: somebody deleted jobs by hand
        redis.call('HDEL', P .. 'stale', lane)
    end
end

-- For flush().
local function flush_fresh()
    for lane, more in pairs(stale) do
        count_stale(lane, more)
    end
    stale = emptied(stale)
    drop_parts()
end

local function request_of(id)
    if requests[id] == nil then
        requests[id] = whole(redis.call('HGET', P .. 'asked', id))
    end
    return requests[id]
end

-- Which of some entries are fresh jobs.
local function fresh_ones(entries)
    local ids, found = {}, {}
    for i = 1, #entries do
        ids[i] = string.sub(entries[i], 14)
    end
    if #ids == 0 then
        return found
    end
    local records_, asked = fields('standing', ids), fields('asked', ids)
    for i = 1, #ids do
        requests[ids[i]] = whole(asked[i])
        if not records_[i] and asked[i]
                and is_numbered(requests[ids[i]], tonumber(string.sub(entries[i], 1, 13))) then
            found[#found + 1] = entries[i]
        end
    end
    return found
end

-- How many jobs are in a lane.
local function fresh_count(lane)
    local count_ = redis.call('LLEN', P .. 'fresh:' .. lane)
    return count_ > 0 and math.max(count_ - (redis.call('HGET', P .. 'stale', lane) or 0), 0) or 0
end

-- The first jobs of a lane, at most `want`; stale entries among them are left. Writes nothing.
local function first_fresh(lane, want)
    local found, from, step = {}, 0, math.min(math.max(want, 64), MOST)
    repeat
        local got = redis.call('LRANGE', P .. 'fresh:' .. lane, from, from + step - 1)
        local some = fresh_ones(got)
        for i = 1, math.min(#some, want - #found) do
            found[#found + 1] = some[i]
        end
        from = from + step
    until #got < step or #found == want
    return found
end

-- Drops the stale ones of the first `count_` entries. Answers the others, and whether the list has more.
local function clean_fresh(lane, count_)
    local key = P .. 'fresh:' .. lane
    local got = redis.call('LRANGE', key, 0, count_ - 1)
    local found = fresh_ones(got)
    if #found < #got then
        redis.call('LPUSH', key, got[1])   -- where that is refused, nothing is dropped
        redis.call('LTRIM', key, #got + 1, -1)
        local back = {}
        for i = 1, #found do
            back[i] = found[#found + 1 - i]
        end
        send('LPUSH', 'fresh:' .. lane, back)
        count_stale(lane, #found - #got)
    end
    return found, #got == count_
end

-- The first jobs of a lane, which are then its first entries: `want` of them unless there are less, or not much less
-- than that. Second value: there may be more, behind too many stale ones.
local STEPS, SWEPT = 4, 1000
local function take_fresh(lane, want)
    local found, more = clean_fresh(lane, want)
    for _ = 1, STEPS do
        if not more or #found >= want then
            return found, false
        end
        found, more = clean_fresh(lane, want + SWEPT)
    end
    return found, more and #found < want
end

-- Some of the stale entries that nobody comes to, since nobody claims there.
local function clean_stale()
    local lanes_ = redis.call('HGETALL', P .. 'stale')
    for i = 1, #lanes_, 2 do
        clean_fresh(lanes_[i], SWEPT)
    end
end
