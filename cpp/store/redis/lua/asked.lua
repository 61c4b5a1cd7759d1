-- What was asked for, as one string a job in the hash `asked`. Little endian; the C++ side is asked.cpp.
--      1 d number (of the ref)   9 d order_key   17 d enqueued_at                                            BORN  1..24
--     25 sum, 8 bytes           33 hash of the terms, 8 bytes
--     41 I2 I2 I2: lengths of   own terms   extras   headers, which follow from 47, and then the payload, all JSON
-- Terms are what the jobs of a task have in common (queue, task, priority, retry, timeouts): their text is kept once, in
-- the hash `terms`. Only when there are SHARED of them already, or the hash means another text, a job has its own.
-- Extras are the rest; nothing where there is none.

local SHARED = 1000

-- What stands for a request that is shorter than it says, so that nothing here stumbles: no terms, and a sum that is none.
-- Whoever leases the job finds that, and sets it apart.
local BROKEN = '\2\0\0\0\0\0{}'   -- lengths, and terms
local function whole(asked)
    if not asked then
        return asked
    end
    if #asked >= 46 then
        local own, extras = struct.unpack('<I2I2', asked, 41)
        if 46 + own + extras <= #asked then
            return asked
        end
    end
    return string.sub(asked .. string.rep('\0', 24), 1, 24) .. string.rep('\0', 16) .. BROKEN
end

-- Whether a request is that of the entry with this number in a list of fresh jobs.
local function is_numbered(asked, number)
    return struct.unpack('<d', asked) == number or string.sub(asked, 41) == BROKEN
end

-- JSON of ours; an empty table where it is none.
local function decoded(text)
    local read, value = pcall(cjson.decode, text)
    return read and type(value) == 'table' and value or {}
end

-- The text; false when it is lost.
local function terms_of(asked)
    local own = struct.unpack('<I2', asked, 41)
    if own > 0 then
        return string.sub(asked, 47, 46 + own)
    end
    local hash = string.sub(asked, 33, 40)
    if shared[hash] == nil then
        shared[hash] = redis.call('HGET', P .. 'terms', hash)
    end
    return shared[hash]
end

-- The same as a table; nil when it is lost.
local function parsed_terms(asked)
    local text = terms_of(asked)
    if text and not parsed[text] then
        parsed[text] = decoded(text)
    end
    return text and parsed[text]
end

local function extras_of(asked)
    local own, extras = struct.unpack('<I2I2', asked, 41)
    return extras > 0 and decoded(string.sub(asked, 47 + own, 46 + own + extras)) or {}
end

-- Without headers and payload.
local function slim(asked)
    local own, extras = struct.unpack('<I2I2', asked, 41)
    return string.sub(asked, 1, 46 + own + extras)
end

-- Whether jobs may leave out the text that the hash means.
local function share_terms(hash, text)
    local known = redis.call('HGET', P .. 'terms', hash)
    if not known and redis.call('HLEN', P .. 'terms') < SHARED then
        redis.call('HSET', P .. 'terms', hash, text)
        return true
    end
    return known == text
end

-- What follows BORN, of a job that has its terms itself.
local function with_own_terms(tail, text)
    return string.sub(tail, 1, 16) .. struct.pack('<I2', #text) .. string.sub(tail, 19, 22) .. text
        .. string.sub(tail, 23)
end
