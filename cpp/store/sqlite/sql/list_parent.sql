-- ?1 ref behind which to start, ?2 limit, ?3 parent_id, ?6 1 for ascending or -1 -> ref
SELECT ref FROM job INDEXED BY job_parent
WHERE parent_id = ?3 AND ref * ?6 > ?1 * ?6 ORDER BY ref * ?6 LIMIT ?2
