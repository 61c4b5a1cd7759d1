-- ?1 queue -> ref and enqueued_at of its jobs that are not closed, oldest first
SELECT live.ref, enqueued_at, priority FROM live JOIN job ON job.ref = live.ref
WHERE live.queue = ?1 ORDER BY enqueued_at, live.ref
