-- ?1 ref behind which to start, ?2 limit, ?3 bits of the states, ?4 queue or 0, ?5 task or 0 -> ref, ascending
SELECT ref FROM closed WHERE ref > ?1
    AND (?3 >> state) & 1 AND (?4 = 0 OR queue = ?4) AND (?5 = 0 OR task = ?5)
ORDER BY ref LIMIT ?2
