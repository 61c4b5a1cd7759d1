-- ?1 ref -> the columns of attempt from `token` on, oldest first
SELECT token, entry, number, started_at, ended_at, worker, outcome, error, cpu_ms, peak_memory_bytes, result
FROM attempt WHERE ref = ?1 ORDER BY token, entry
