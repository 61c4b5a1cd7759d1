-- ?1 ref, ?2 token -> how many entries the job has, and the first and the last number of those of this token (or NULL)
SELECT count(*), min(CASE WHEN token = ?2 THEN entry END), max(CASE WHEN token = ?2 THEN entry END)
FROM attempt WHERE ref = ?1
