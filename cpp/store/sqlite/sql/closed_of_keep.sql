-- ?1 queue, ?2 state, ?3 time kept, ?4 closed_at and ?5 ref behind which to start, ?6 the latest closed_at, ?7 limit
-- -> closed_at, ref, ascending
SELECT closed_at, ref FROM closed INDEXED BY closed_by_age
WHERE queue = ?1 AND state = ?2 AND keep_until - closed_at = ?3 AND closed_at >= ?4 AND closed_at <= ?6
    AND (closed_at > ?4 OR ref > ?5)
ORDER BY closed_at, ref LIMIT ?7
