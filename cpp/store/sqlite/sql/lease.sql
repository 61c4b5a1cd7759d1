-- What start_lease() changes. ?1 ref, ?2 attempt, ?3 token, ?4 worker, ?5 lease_until, ?6 started_at, ?7 checksum,
-- ?8 holder
UPDATE live SET state = 2, attempt = ?2, token = ?3, worker = ?4, lease_until = ?5, started_at = ?6, reason = NULL,
    progress_count = 0, progress_total = 0, progress_message = NULL, checksum = ?7, holder = ?8
WHERE ref = ?1
