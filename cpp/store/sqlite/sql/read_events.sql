-- ?1 queue, ?2 the sequence number after which to start, ?3 limit
SELECT sequence, at, job_id, name, actor, detail FROM event
WHERE queue = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3
