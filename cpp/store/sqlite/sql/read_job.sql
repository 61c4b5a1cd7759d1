-- ?1 ref -> the columns of job
SELECT * FROM job WHERE ref = ?1
