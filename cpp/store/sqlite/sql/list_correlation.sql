-- ?1 ref behind which to start, ?2 limit, ?3 correlation_id, ?6 1 for ascending or -1 -> ref
-- That of a job which was given none is its id.
SELECT ref FROM job
WHERE (correlation_id = ?3 OR (id = ?3 AND correlation_id IS NULL)) AND ref * ?6 > ?1 * ?6 ORDER BY ref * ?6 LIMIT ?2
