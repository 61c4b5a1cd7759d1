-- ?1 queue, ?2 now, ?3 limit -> ref, due_at of scheduled jobs that are due
SELECT ref, due_at FROM live INDEXED BY scheduled
WHERE state = 0 AND queue = ?1 AND due_at <= ?2 ORDER BY due_at, ref LIMIT ?3
