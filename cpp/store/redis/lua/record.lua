-- How a job stands, as one string: what does not change is cut out and put together again, never unpacked.
-- Little endian, d = double; the C++ side is record.cpp.
--     1 B state          2 B flags: 1 suspect, 2 asked to stop, 4 has an attempt, 8 the attempt's error is the job's,
--                                   16 got another order key while it ran, 32 completed and in kept:
--     3 I4 attempt       7 I4 failures    11 I4 snoozes   15 I4 crashes                            HEAD   1..18
--    19 ref, 13 digits  32 d order_key                                                                    19..39
--    40 d token         48 d started_at   56 d holder                                                     40..63
--    64 d due_at (-1: as it was born)     72 d lease_until  80 d closed_at  88 d keep_until               64..95
--    96 d ended_at     104 d cpu_ms      112 d peak_bytes  120 B ending   121 I4 number          ATTEMPT  96..124
--   125 i8 progress    133 i8 total                                                              PROGRESS 125..140
--   141 B B B I2 I4 I4 I2: lengths of     queue task worker message error result reason, which follow from 156

local LENGTHS = '<BBBI2I4I4I2'
local NOTHING = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'   -- an attempt that has not ended, without its number
local STILL = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'     -- no progress
local NAMES = {[0] = 'scheduled:', 'ready:', 'running:', 'blocked:', 'parked:', 'completed:', 'failed:', 'cancelled:',
    'expired:', 'quarantined:'}

local function names_of(record)
    local queue, task = string.byte(record, 141, 142)
    return string.sub(record, 156, 155 + queue), string.sub(record, 156 + queue, 155 + queue + task)
end

local function member_of(record, id)
    return string.sub(record, 19, 31) .. id
end

-- A job that nothing has happened to yet.
local function blank(state, ref, key, due, queue, task)
    return struct.pack('<BBI4I4I4I4', state, 0, 0, 0, 0, 0) .. ref
        .. struct.pack('<dddddddd', key, 0, 0, 0, due, 0, 0, 0) .. NOTHING .. '\0\0\0\0' .. STILL
        .. struct.pack(LENGTHS, #queue, #task, 0, 0, 0, 0, 0) .. queue .. task
end

-- A record for a job that has none, by what was asked for.
local function made_up(state, asked)
    local terms = parsed_terms(asked) or {}
    local number, key = struct.unpack('<dd', asked)
    if not (number >= 0 and number < 1e13 and key == key) then   -- damaged
        number, key = 0, 0
    end
    local queue, task = tostring(terms.queue or ''), tostring(terms.task or '')
    return blank(state, string.format('%013.0f', number), key, -1, queue, task), queue, task, key
end

-- A record as it was read, long enough for all that is cut out of it; else the job counts as set apart.
local SHORTEST = 155
local function readable(id, record)
    if #record >= SHORTEST then
        return record
    end
    local asked = request_of(id)
    return asked and (made_up(9, asked))
end

-- The record of a job; false when there is no such job.
local function look(id)
    local record = standing[id]
    if record == nil then
        record = redis.call('HGET', P .. 'standing', id)
        if record then
            record = readable(id, record)
        else
            local asked = request_of(id)
            if asked then
                local queue, task, key
                record, queue, task, key = made_up(1, asked)
                unwritten[id] = lane_of(queue, task, math.floor(key / RANK))
            end
        end
        standing[id] = record
    end
    return record
end

-- What a decision about a job needs: id, record, asked without headers and payload, terms; false for what is not there.
local function brief(id)
    local asked = request_of(id)
    return {id, look(id), asked and slim(asked), asked and terms_of(asked)}
end

-- Reads the records of many ids at once; those without one are looked for by look().
local function prefetch(ids)
    if #ids == 0 then
        return
    end
    local found = fields('standing', ids)
    for i = 1, #ids do
        if found[i] then
            standing[ids[i]] = readable(ids[i], found[i])
        end
    end
end

-- A scheduled or parked job becomes ready: everything but state and reason stays.
local function awake(record)
    local queue, task, worker, message, err = struct.unpack(LENGTHS, record, 141)
    return '\1' .. string.sub(record, 2, 149) .. struct.pack('<I4I2', 0, 0)
        .. string.sub(record, 156, 155 + queue + task + worker + message + err)
end

-- progress: {16 bytes, message}
local function with_progress(record, progress)
    local queue, task, worker, message, err, result, reason = struct.unpack(LENGTHS, record, 141)
    local names = queue + task + worker
    return string.sub(record, 1, 124) .. progress[1]
        .. struct.pack(LENGTHS, queue, task, worker, #progress[2], err, result, reason)
        .. string.sub(record, 156, 155 + names) .. progress[2] .. string.sub(record, 156 + names + message)
end

-- A record that is about to be written: a completed job is marked where it is not kept as long as others of the queue.
local function marked(record, queue)
    if string.byte(record) ~= 5 then
        return record
    end
    local closed, keep = struct.unpack('<dd', record, 80)
    if not queue.ttl then
        queue.ttl = keep - closed
        redis.call('HSET', P .. 'queue:' .. queue.name, 'ttl', string.format('%.0f', queue.ttl))
    end
    if keep - closed == queue.ttl then
        return record
    end
    return '\5' .. string.char(string.byte(record, 2) + 32) .. string.sub(record, 3)
end

-- The sorted set that a job with a record is in.
local function place(state, suspect, queue, task)
    if state == 1 then
        return (suspect and 'suspect:' or 'ready:') .. queue .. '\t' .. task
    elseif state == 4 then
        return 'parked:' .. queue .. '\t' .. task
    end
    return NAMES[state] .. queue
end

-- `record` is marked.
local function enter_closed(record, member, queue)
    local state, flags = string.byte(record, 1, 2)
    local closed, keep = struct.unpack('<dd', record, 80)
    if state == 5 and flags < 32 then
        enter('completed:' .. queue.name, closed, member)
        return
    end
    enter(state == 5 and 'kept:' .. queue.name or place(state, false, queue.name), closed, member)
    enter('keep', keep, member)
end
