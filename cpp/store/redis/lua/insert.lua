-- New jobs and imported rows: all of a group or none.
--
-- kinds   {queue, task, base, rank, hash of terms, terms} each, referred to by number; order key: base + sequence, or
--         enqueued_at + rank * ageing_ms
-- groups  {actor, jobs, whether the ids are new: nobody can have used them} each, taken in order
-- jobs    four values each: id, kind, what follows BORN (asked.lua), and false or {run_at, expires_at, row}; row: false,
--         or of an import: {record, importable, state, score, keep_until, token, attempt, enqueued_at, history}
-- Answers one letter a job: i inserted, e exists, f full, r refused.

-- id -> true for those that are there or were.
local function seen(groups, jobs)
    local found, ids, last = {}, {}, 0
    for g = 1, #groups do
        for i = last + 1, groups[g][3] and last or last + groups[g][2] do
            ids[#ids + 1] = jobs[4 * i - 3]
        end
        last = last + groups[g][2]
    end
    if #ids == 0 then
        return found
    end
    local there = fields('asked', ids)
    for i = 1, #ids do
        found[ids[i]] = there[i] and true or nil
    end
    for from = 1, #ids, MOST do
        local until_ = redis.call('ZMSCORE', P .. 'gone', unpack(ids, from, math.min(from + MOST - 1, #ids)))
        for i = 1, #until_ do
            if until_[i] and tonumber(until_[i]) > wall then
                found[ids[from + i - 1]] = true
            end
        end
    end
    return found
end

-- Says what becomes of the jobs from..to, and whether the group is spoiled.
local function judge(jobs, kinds, from, to, found, verdicts)
    local spoiled, queued, mine = false, {}, {}
    for i = from, to do
        local id, kind, more, verdict = jobs[4 * i - 3], kinds[jobs[4 * i - 2]], jobs[4 * i], 'i'
        local row = more and more[3]
        local counts = not row or row[3] < 5
        local queue = kind.queue
        local before = queued[queue] or 0
        if found[id] then
            verdict = 'e'
        elseif row and not row[2] then
            verdict = 'r'
        elseif counts and queue.most > 0 and length_of(queue) + before >= queue.most then
            verdict = 'f'
        else
            found[id] = true
            mine[#mine + 1] = id
            queued[queue] = before + (counts and 1 or 0)
        end
        spoiled = spoiled or verdict == 'f' or verdict == 'r'
        verdicts[i] = verdict
    end
    if spoiled then
        for i = 1, #mine do
            found[mine[i]] = nil
        end
        for i = from, to do
            verdicts[i] = verdicts[i] == 'i' and 'r' or verdicts[i]
        end
    else
        for queue, more in pairs(queued) do
            queue.length = queue.length and queue.length + more  -- nil: nobody asked for it yet
        end
    end
end

local function insert_row(id, row, ref, key, member, kind)
    local suspect = string.byte(row[1], 2) % 2 == 1
    local queue, task = kind.queue.name, kind[2]
    local record = marked(string.sub(row[1], 1, 18) .. ref .. struct.pack('<d', key) .. string.sub(row[1], 40), kind.queue)
    write(id, record)
    local state = row[3]
    if state > 4 then
        enter_closed(record, member, kind.queue)
    else
        enter(place(state, suspect, queue, task), state ~= 0 and key or row[4], member)
    end
    if state == 1 then
        note_ready(queue, task, suspect)
    elseif state == 4 then
        note_lane(queue, task)
    end
    if #row[9] > 0 and send('RPUSH', 'history:' .. id, row[9]) > #row[9] then
        redis.call('LTRIM', P .. 'history:' .. id, -#row[9], -1)   -- it was begun before
    end
    return state < 5 and row[7] == 0
end

-- The last three digits of numbers, made when they are wanted (a library that is being loaded has no string.format):
-- formatting each number is the dearest part of inserting a job.
local THREE = {}
local function three_digits(i)
    local text = THREE[i]
    if not text then
        text = string.format('%03.0f', i)
        THREE[i] = text
    end
    return text
end

-- A ref in 13 digits.
local FRONT, FRONT_OF
local function text_of_ref(number)
    local digits = number % 1000
    if FRONT_OF ~= number - digits then
        FRONT_OF = number - digits
        FRONT = string.format('%010.0f', FRONT_OF / 1000)
    end
    return FRONT .. three_digits(digits)
end

-- An order key as text: those of a call differ in their last digits.
local function text_of_key(key, kind)
    local digits = key % 1000
    if kind.front_of ~= key - digits then
        kind.front_of = key - digits
        kind.front = string.format('%.0f', kind.front_of / 1000)
    end
    return kind.front .. three_digits(digits)
end

-- A job that is not only to be ready, or not in a strict queue: it has a record from the beginning, and a place in sorted
-- sets. Answers whether it may expire.
local function insert_other(id, more, ref, key, member, kind)
    if more and more[3] then
        return insert_row(id, more[3], ref, key, member, kind)
    end
    local queue, task = kind.queue.name, kind[2]
    if more and more[1] > wall then
        write(id, blank(0, ref, key, -1, queue, task))
        enter('scheduled:' .. queue, more[1], member)
        note_scheduled(kind.queue, task, more[1])
    else
        write(id, blank(1, ref, key, -1, queue, task))
        local set = 'ready:' .. queue .. '\t' .. task
        local list = added[set] or {}
        added[set] = list
        list[#list + 1] = text_of_key(key, kind)
        list[#list + 1] = member
        note_ready(queue, task, false)
    end
    return more
end

-- The members that go into the lane of a kind. pushed: lane -> them, and whose they are.
local function list_of(kind, pushed)
    local lane = lane_of(kind.queue.name, kind[2], kind[3] / RANK)
    local list = pushed[lane] or {queue = kind.queue.name, task = kind[2]}
    pushed[lane], kind.fresh = list, list
    return list
end

local function push_fresh(pushed)
    for lane, list in pairs(pushed) do
        if send('RPUSH', 'fresh:' .. lane, list) == #list then
            note_list('fresh:' .. lane, 'SADD', 'tasks:' .. list.queue, string.sub(lane, #list.queue + 2))
        end
        note_woken(list.queue, list.task, #list)
    end
end

-- The last write of an insert: until then nobody sees the jobs, and what lies ready for them is stale. first, last: their
-- refs, which count as removed where the server refuses it.
local function keep_asked(asked, first, last)
    local done, why = pcall(send, 'HSET', 'asked', asked)
    if not done then
        for ref = first, last do
            leave_index(ref)
        end
        flush()
        error({err = why})
    end
end

-- The jobs whose letter is i, numbered from `number` + 1.
local function insert_all(kinds, groups, jobs, verdicts, number)
    local asked, index, last = {}, {}, 0
    local first, pushed = number, {}
    for g = 1, #groups do
        local actor = groups[g][1]
        for i = last + 1, last + groups[g][2] do
            if verdicts[i] == 'i' then
                number = number + 1
                local id, kind, tail, more = jobs[4 * i - 3], kinds[jobs[4 * i - 2]], jobs[4 * i - 1], jobs[4 * i]
                local queue, row = kind.queue, more and more[3]
                local at = row and row[8] or wall
                local key = queue.ageing > 0 and at + kind[4] * queue.ageing or kind[3] + number
                local ref = text_of_ref(number)
                local member = ref .. id
                asked[#asked + 1] = id
                tail = kind.own and with_own_terms(tail, kind[6]) or tail
                asked[#asked + 1] = struct.pack('<ddd', number, key, at) .. tail
                index[#index + 1] = id
                if not more and queue.ageing == 0 then
                    local fresh = kind.fresh or list_of(kind, pushed)
                    fresh[#fresh + 1] = member
                elseif insert_other(id, more, ref, key, member, kind) and more[2] ~= 0 then
                    enter('expiring:' .. queue.name, more[2], member)
                    queue.expiring = true
                end
                if queue.logs then
                    log(queue, wall, id, 'enqueue', actor, row and 'import' or '')
                end
            end
        end
        last = last + groups[g][2]
    end
    push_fresh(pushed)
    flush()
    index_all(index, first)
    keep_asked(asked, first + 1, number)
end

-- The queues of the jobs that are inserted are made, and their terms are kept. Answers how many jobs there are, and the
-- largest token of imported ones.
local function prepare(kinds, jobs, verdicts)
    local inserted, token = 0, 0
    for i = 1, #verdicts do
        if verdicts[i] == 'i' then
            local kind, more = kinds[jobs[4 * i - 2]], jobs[4 * i]
            inserted = inserted + 1
            token = more and more[3] and math.max(token, more[3][6]) or token
            if kind.own == nil then
                kind.own = not share_terms(kind[5], kind[6])
                made_queue(kind[1])
            end
        end
    end
    return inserted, token
end

local function insert(kinds, groups, jobs)
    if #jobs == 0 then
        return ''
    end
    local unbounded = true
    for k = 1, #kinds do
        kinds[k].queue = queue_of(kinds[k][1])
        unbounded = unbounded and kinds[k].queue.most == 0
    end
    local found, verdicts, last = seen(groups, jobs), {}, 0
    for g = 1, #groups do
        if groups[g][3] and unbounded then
            for i = last + 1, last + groups[g][2] do
                verdicts[i] = 'i'
            end
        else
            judge(jobs, kinds, last + 1, last + groups[g][2], found, verdicts)
        end
        last = last + groups[g][2]
    end
    local inserted, token = prepare(kinds, jobs, verdicts)
    if inserted > 0 then
        local number = redis.call('HINCRBY', P .. 'head', 'sequence', inserted) - inserted
        insert_all(kinds, groups, jobs, verdicts, number)
    end
    if token > 0 and token > tonumber(redis.call('HGET', P .. 'head', 'token') or 0) then
        redis.call('HSET', P .. 'head', 'token', string.format('%.0f', token))
    end
    return table.concat(verdicts)
end
