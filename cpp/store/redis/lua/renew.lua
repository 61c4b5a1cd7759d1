-- ARGV: time, {lease_ms (0: only ask), {id, token, progress (false: none)} each}; progress: {16 bytes, message}
-- Answers {one letter each: o ok, l lost, c asked to stop; wall, lease time}

local function renew(keys, args)
    begin(keys, args[1])
    local request = cmsgpack.unpack(args[2])
    local lease_ms, renewals, ids, letters = request[1], request[2], {}, {}
    for i = 1, #renewals do
        ids[i] = renewals[i][1]
    end
    prefetch(ids)
    for i = 1, #renewals do
        local id, record = ids[i], standing[ids[i]]
        if record and string.byte(record) == 2 and struct.unpack('<d', record, 40) == renewals[i][2] then
            if lease_ms > 0 then
                record = string.sub(record, 1, 71) .. struct.pack('<d', leased + lease_ms) .. string.sub(record, 80)
                enter('running:' .. names_of(record), leased + lease_ms, member_of(record, id))
            end
            if renewals[i][3] then
                record = with_progress(record, renewals[i][3])
            end
            if lease_ms > 0 or renewals[i][3] then
                write(id, record)
            end
            letters[i] = string.byte(record, 2) % 4 > 1 and 'c' or 'o'
        else
            letters[i] = 'l'
        end
    end
    flush()
    return {table.concat(letters), wall, leased}
end
