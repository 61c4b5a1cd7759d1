-- -> the columns of worker
SELECT number, host, pid, boot_id, version, queues, tasks, slots, started_at, seen_at, seen_lease_ms,
    seen_boot_id, holder
FROM worker
