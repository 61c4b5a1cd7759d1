-- ?1 queue, ?2 now, ?3 limit -> ref, expires_at of jobs that never started and whose time has passed
SELECT ref, expires_at FROM live INDEXED BY overdue
WHERE state <> 2 AND attempt = 0 AND expires_at > 0 AND queue = ?1 AND expires_at <= ?2
ORDER BY expires_at, ref LIMIT ?3
