-- Moves, in order. What is left for the client to decide ends the list early, with nothing of that move written: the
-- client sends it again, decided.
--
-- A move: 1 id, 2 from, 3 token, 4 lease_until (0: any), 5 to, 6 HEAD of the record after it (flags 4 and 8 unset when
-- it ends no attempt), 7 due_at, 8 closed_at, 9 keep_until, 10 ATTEMPT without number ('' when it ends none), 11 error,
-- 12 result, 13 reason, 14 class for count() (0: not counted), 15 ended_at, 16 attempt after it, 17 suspect after it,
-- 18 cause, 19 logged in any case, 20 decided: a request to stop was heeded, 21 outbox entries (false: none)
-- A note on a move that came late: 1 id, 2 -1, 3 hash of what the client has seen, 4 its letter, 5 the history anew
-- (false: as it is)
-- A run of completions, which are moves from running to completed of leases that the client knows well, so that it sends
-- the records as they are to be: 1 false, 2 queue, 3 task, 4 cause, 5 seven values each: id, member, token, record,
-- closed_at, keep_until, started_at
-- Answers one letter a move: a applied, l lost, m missing; and why it stopped, if it did:
--   {'other'}                         of a completion: not what the client believes; it sends moves instead
--   {'late', record, history, hash}   it does not fit and its holder may bring news
--   {'asked', record, asked, terms}   it fits, and the job was asked to stop
-- The third value: all of them were closings of running jobs, which no claim looks at.

local function is_as_leased(record, token)
    if not record then
        return false
    end
    local state, flags = string.byte(record, 1, 2)
    return state == 2 and flags < 16 and flags % 4 < 2 and struct.unpack('<d', record, 40) == token
end

-- The record after a completion; what was said of the progress stays.
local function completed(before, record)
    local low, high = string.byte(before, 144, 145)
    if low == 0 and high == 0 and string.sub(before, 125, 140) == STILL then
        return record
    end
    local from = 156 + string.byte(before, 141) + string.byte(before, 142) + string.byte(before, 143)
    return with_progress(record, {string.sub(before, 125, 140), string.sub(before, from, from + low + 256 * high - 1)})
end

-- Answers how many were as the client believes: those before the first that is not.
local function complete(queue, task, cause, jobs)
    local running, closed = place(2, false, queue.name), place(5, false, queue.name)
    local ttl = queue.ttl
    for i = 1, #jobs, 7 do
        local id, member, record = jobs[i], jobs[i + 1], standing[jobs[i]]
        if not is_as_leased(record, jobs[i + 2]) then
            return (i - 1) / 7
        end
        local after_ = completed(record, jobs[i + 3])
        touched[id] = true
        leave(running, member)
        if jobs[i + 5] - jobs[i + 4] == ttl then
            enter(closed, jobs[i + 4], member)
        else
            after_ = marked(after_, queue)
            enter_closed(after_, member, queue)
            ttl = queue.ttl
        end
        write(id, after_)
        news[#news + 1] = id
        count(task, 2, jobs[i + 4], jobs[i + 6])
        if queue.logs then
            local from = 156 + string.byte(record, 141) + string.byte(record, 142)
            log(queue, jobs[i + 4], id, cause, string.sub(record, from, from + string.byte(record, 143) - 1), '')
        end
    end
    return #jobs / 7
end

local function history_of(id)
    return redis.call('LRANGE', P .. 'history:' .. id, 0, -1)
end

local function hash_of(record, history)
    return redis.sha1hex(record .. table.concat(history))
end

local function after(record, move)
    local queue, task, worker, message, err = struct.unpack(LENGTHS, record, 141)
    local kept = 155 + queue + task + worker + message
    local closes, ends, to = move[5] > 4, move[10] ~= '', move[5]
    local text = move[11]
    if to == 5 then
        text = ''
    elseif text == '' then
        text = string.sub(record, kept + 1, kept + err)
    end
    local head = move[6]
    if not ends then
        local flags = string.byte(head, 2) + bit.band(string.byte(record, 2), 12)
        head = string.sub(head, 1, 1) .. string.char(flags) .. string.sub(head, 3)
    end
    return head .. string.sub(record, 19, 63)
        .. (closes and string.sub(record, 64, 71) or struct.pack('<d', move[7]))
        .. struct.pack('<ddd', 0, move[8], move[9])
        .. (ends and move[10] .. string.sub(record, 3, 6) or string.sub(record, 96, 124))
        .. string.sub(record, 125, 140)
        .. struct.pack(LENGTHS, queue, task, worker, message, #text, #move[12], #move[13])
        .. string.sub(record, 156, kept) .. text .. move[12] .. move[13]
end

local function leave_place(record, id, state, queue, task)
    local member = member_of(record, id)
    local lane = unwritten[id]
    if lane then
        unwritten[id] = nil
        stale[lane], unsent = (stale[lane] or 0) + 1, true
        return member
    end
    local flags = string.byte(record, 2)
    if state == 5 and flags < 32 then
        leave('completed:' .. queue.name, member)
    elseif state == 5 then
        leave('kept:' .. queue.name, member)
        leave('keep', member)
    elseif state > 4 then
        leave(place(state, false, queue.name), member)
        leave('keep', member)
    else
        leave(place(state, flags % 2 == 1, queue.name, task), member)
    end
    if state > 4 then
        return member
    elseif state ~= 2 and expires(queue) then
        leave('expiring:' .. queue.name, member)
    end
    return member
end

local function enter_place(before, record, id, member, queue, task)
    local state, flags, attempt = struct.unpack('<BBI4', record)
    if state > 4 then
        enter_closed(record, member, queue)
        news[#news + 1] = id
        return
    end
    local set = place(state, flags % 2 == 1, queue.name, task)
    if state == 0 then
        local due = struct.unpack('<d', record, 64)
        enter(set, due, member)
        note_scheduled(queue, task, due)
    elseif state == 2 then
        enter(set, struct.unpack('<d', record, 72), member)
    else
        enter(set, struct.unpack('<d', record, 32), member)
        if state == 1 then
            note_ready(queue.name, task, flags % 2 == 1)
        elseif state == 4 then
            note_lane(queue.name, task)
        end
    end
    if state ~= 2 and attempt == 0 and (before == 2 or before > 4 or expires(queue)) then
        local asked = request_of(id)
        local until_ = asked and extras_of(asked).expires_at
        if until_ then
            enter('expiring:' .. queue.name, until_, member)
            queue.expiring = true
        end
    end
end

-- The job goes from one record to another, with all that depends on its state.
local function change(id, before, record, queue, task)
    local state = string.byte(before)
    record = marked(record, queue)
    write(id, record)
    enter_place(state, record, id, member_of(record, id), queue, task)
    leave_place(before, id, state, queue, task)
end

-- What change() comes to for most jobs: from running to closed.
local function close(id, record, move, queue)
    local member = member_of(record, id)
    leave(place(2, false, queue.name), member)
    record = marked(after(record, move), queue)
    write(id, record)
    enter_closed(record, member, queue)
    news[#news + 1] = id
end

local function write_outbox(move)
    local entries = move[21] or {}
    local last = #entries > 0 and redis.call('HINCRBY', P .. 'head', 'outbox', #entries)
    for i = 1, #entries do
        local number = last - #entries + i
        enter('outbox', number, string.format('%013.0f', number) .. entries[i])
    end
end

local function apply(id, record, move)
    if touched[id] then
        flush()
    end
    touched[id] = true
    local queue_name, task = names_of(record)
    local queue = queue_of(queue_name)
    local attempt = struct.unpack('<I4', record, 3)
    local ends = move[10] ~= ''
    if ends and move[16] >= attempt then
        count(task, move[14], move[15], (struct.unpack('<d', record, 48)))
    end
    if queue.logs or move[19] then
        local names, lengths = 156, {struct.unpack('<BBB', record, 141)}
        local from = names + lengths[1] + lengths[2]
        log(queue, move[15], id, move[18], ends and string.sub(record, from, from + lengths[3] - 1) or '', move[13])
    end
    if move[2] == 2 and move[5] > 4 then
        close(id, record, move, queue)
    else
        change(id, record, after(record, move), queue, task)
    end
    write_outbox(move)
end

local function write_note(record, note)
    local history = history_of(note[1])
    if hash_of(record, history) ~= note[3] then
        return nil, {'late', record, history, hash_of(record, history)}
    end
    if note[5] then
        redis.call('DEL', P .. 'history:' .. note[1])
        if #note[5] > 0 then
            send('RPUSH', 'history:' .. note[1], note[5])
        end
    end
    return note[4]
end

local function settle_one(move)
    local id = move[1]
    local record = look(id)
    if not record then
        return 'm'
    end
    if move[2] == -1 then
        return write_note(record, move)
    end
    local state, flags = string.byte(record, 1, 2)
    local fits = state == move[2]
    if fits and state == 2 then
        fits = struct.unpack('<d', record, 40) == move[3]
            and (move[4] == 0 or move[4] == struct.unpack('<d', record, 72))
    end
    if not fits then
        if move[2] ~= 2 then
            return 'l'
        end
        local history = history_of(id)
        return nil, {'late', record, history, hash_of(record, history)}
    end
    if state == 2 and flags % 4 > 1 and not move[20] then
        local brief_ = brief(id)
        return nil, {'asked', record, brief_[3], brief_[4]}
    end
    apply(id, record, move)
    return 'a'
end

-- The records of all of them are read; whether all are closings of running jobs.
local function read_moves(moves)
    local ids, closings = {}, true
    for i = 1, #moves do
        local move = moves[i]
        if move[1] then
            ids[#ids + 1] = move[1]
            closings = closings and move[2] == 2 and move[5] > 4
        else
            for k = 1, #move[5], 7 do
                ids[#ids + 1] = move[5][k]
            end
        end
    end
    prefetch(ids)
    return closings
end

local function settle(moves)
    local letters, closings = {}, read_moves(moves)
    for i = 1, #moves do
        local move, letter, stop = moves[i], nil, nil
        if move[1] then
            letter, stop = settle_one(move)
        else
            local done = complete(queue_of(move[2]), move[3], move[4], move[5])
            letter, stop = string.rep('a', done), done < #move[5] / 7 and {'other'}
        end
        letters[i] = letter
        if stop then
            return table.concat(letters), stop, false
        end
    end
    return table.concat(letters), false, closings
end
