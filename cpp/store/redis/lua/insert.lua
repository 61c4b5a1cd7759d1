-- New jobs and imported rows: all of a group or none.
--
-- names   queues and tasks, referred to by number
-- groups  {actor, jobs} each, taken in order
-- jobs    {id, queue, task, base, rank, run_at, expires_at, job, payload, headers, row, sum} each; order key: base +
--         sequence, or enqueued_at + rank * ageing_ms; headers false for {}; row false, or of an import:
--         {record, importable, state, score, keep_until, token, attempt, enqueued_at, history}
-- Answers one letter a job: i inserted, e exists, f full, r refused.

-- id -> true for those that are there or were.
local function seen(jobs)
    local found, keys, ids = {}, {}, {}
    for i = 1, #jobs do
        ids[i] = jobs[i][1]
        keys[i] = P .. 'job:' .. ids[i]
    end
    for from = 1, #keys, MOST do
        local to = math.min(from + MOST - 1, #keys)
        if redis.call('EXISTS', unpack(keys, from, to)) > 0 then
            for i = from, to do
                found[ids[i]] = redis.call('EXISTS', keys[i]) == 1 or nil
            end
        end
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
local function judge(jobs, names, from, to, found, verdicts)
    local spoiled, queued, mine = false, {}, {}
    for i = from, to do
        local job, verdict = jobs[i], 'i'
        local row = job[11]
        local counts = not row or row[3] < 5
        local queue = queue_of(names[job[2]])
        local before = queued[queue] or 0
        if found[job[1]] then
            verdict = 'e'
        elseif row and not row[2] then
            verdict = 'r'
        elseif counts and queue.most > 0 and length_of(queue) + before >= queue.most then
            verdict = 'f'
        else
            found[job[1]] = true
            mine[#mine + 1] = job[1]
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

local function insert_row(job, row, ref, key, member, queue, task)
    local suspect = string.byte(row[1], 2) % 2 == 1
    write(job[1], string.sub(row[1], 1, 18) .. ref .. struct.pack('<d', key) .. string.sub(row[1], 40))
    local state = row[3]
    enter(place(state, suspect, queue, task), (state == 1 or state == 3 or state == 4) and key or row[4], member)
    if state > 4 then
        enter('keep', row[5], member)
    elseif state == 1 then
        note_ready(queue, task)
    elseif state == 4 then
        note_lane(queue, task)
    end
    if #row[9] > 0 then
        send('RPUSH', 'history:' .. job[1], row[9])
    end
    return state < 5 and row[7] == 0
end

local function insert_new(job, ref, key, member, queue, task)
    if job[6] > wall then
        write(job[1], blank(0, ref, key, -1, queue, task))
        enter('scheduled:' .. queue, job[6], member)
    else
        enter('ready:' .. queue .. '\t' .. task, key, member)
        note_ready(queue, task)
    end
    return true
end

local function insert_one(job, number, names, actor)
    local queue, task, row = made_queue(names[job[2]]), names[job[3]], job[11]
    local at = row and row[8] or wall
    local key = queue.ageing > 0 and at + job[5] * queue.ageing or job[4] + number
    local born = string.format('%013.0f %.0f %.0f %s', number, key, at, job[12])
    local ref = string.sub(born, 1, 13)
    local member = ref .. job[1]
    if job[10] then
        redis.call('HSET', P .. 'job:' .. job[1], 'job', job[8], 'payload', job[9], 'born', born, 'headers', job[10])
    else
        redis.call('HSET', P .. 'job:' .. job[1], 'job', job[8], 'payload', job[9], 'born', born)
    end
    enter('jobs', number, member)
    local starts_late = row and insert_row(job, row, ref, key, member, queue.name, task)
    if not row then
        starts_late = insert_new(job, ref, key, member, queue.name, task)
    end
    if job[7] ~= 0 and starts_late then
        enter('expiring:' .. queue.name, job[7], member)
        queue.expiring = true
    end
    if queue.logs then
        log(queue, wall, job[1], 'enqueue', actor, row and 'import' or '')
    end
end

local function insert(names, groups, jobs)
    if #jobs == 0 then
        return ''
    end
    local found, verdicts, inserted, token, last = seen(jobs), {}, 0, 0, 0
    for g = 1, #groups do
        judge(jobs, names, last + 1, last + groups[g][2], found, verdicts)
        last = last + groups[g][2]
    end
    for i = 1, #jobs do
        if verdicts[i] == 'i' then
            inserted = inserted + 1
            token = jobs[i][11] and math.max(token, jobs[i][11][6]) or token
        end
    end
    if inserted > 0 then
        local number = redis.call('HINCRBY', P .. 'head', 'sequence', inserted) - inserted
        last = 0
        for g = 1, #groups do
            for i = last + 1, last + groups[g][2] do
                if verdicts[i] == 'i' then
                    number = number + 1
                    insert_one(jobs[i], number, names, groups[g][1])
                end
            end
            last = last + groups[g][2]
        end
    end
    if token > 0 and token > tonumber(redis.call('HGET', P .. 'head', 'token') or 0) then
        redis.call('HSET', P .. 'head', 'token', string.format('%.0f', token))
    end
    return table.concat(verdicts)
end
