-- ?1 number, ?2.. counters
INSERT INTO task VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (number) DO UPDATE SET runs = excluded.runs, completed = excluded.completed, failures = excluded.failures,
    consecutive_failures = excluded.consecutive_failures, duration_sum_ms = excluded.duration_sum_ms,
    last_run_at = excluded.last_run_at, last_failure_at = excluded.last_failure_at
