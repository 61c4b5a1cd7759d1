-- ?1 first and ?2 last ref -> the columns of live, then those of job, of all that are there, by ref
SELECT live.*, job.* FROM live CROSS JOIN job ON job.ref = live.ref
WHERE live.ref BETWEEN ?1 AND ?2 ORDER BY live.ref
