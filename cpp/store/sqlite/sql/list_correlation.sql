-- ?1 ref behind which to start, ?2 limit, ?3 correlation_id, ?6 1 for ascending or -1 -> ref
-- That of a job which was given none is its id.
SELECT ref FROM (
    SELECT ref FROM job INDEXED BY job_correlation WHERE correlation_id = ?3
    UNION ALL
    SELECT ref FROM job WHERE id = ?3 AND correlation_id IS NULL)
WHERE ref * ?6 > ?1 * ?6 ORDER BY ref * ?6 LIMIT ?2
