-- -> number and counters of every task
SELECT number, runs, completed, failures, consecutive_failures, duration_sum_ms, last_run_at, last_failure_at FROM task
