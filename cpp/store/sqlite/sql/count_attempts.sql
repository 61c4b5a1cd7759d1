-- ?1 ref, ?2 token -> how many entries the job has, and the next entry number of this token
SELECT count(*), coalesce(max(CASE WHEN token = ?2 THEN entry END), -1) + 1 FROM attempt WHERE ref = ?1
