-- ?1 number -> counters
SELECT runs, completed, failures, consecutive_failures, duration_sum_ms, last_run_at, last_failure_at
FROM task WHERE number = ?1
