-- Schema 1, how jobs ended: appended once, read by get and list, removed by prune.
-- The columns of `live`, and of the attempt that completed the job what `attempt` would keep of it: a success writes
-- no row there.
CREATE TABLE closed (
    ref INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    task INTEGER NOT NULL,
    state INTEGER NOT NULL,
    order_key INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    snoozes INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    suspect INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    reason TEXT,
    progress_count INTEGER NOT NULL,
    progress_total INTEGER NOT NULL,
    progress_message TEXT,
    checksum INTEGER NOT NULL,
    ended_here INTEGER NOT NULL,  -- 1: the last attempt is told by this row, not by one of `attempt`
    cpu_ms INTEGER NOT NULL,
    peak_memory_bytes INTEGER NOT NULL
) STRICT;
