-- ?1 queue, ?2 state, ?3 the shortest time that may be given -> the shortest time for which such jobs are kept
SELECT keep_until - closed_at FROM closed INDEXED BY closed_by_age
WHERE queue = ?1 AND state = ?2 AND keep_until - closed_at >= ?3 ORDER BY keep_until - closed_at LIMIT 1
