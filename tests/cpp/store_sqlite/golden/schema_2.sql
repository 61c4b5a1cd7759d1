CREATE TABLE attempt (
    ref INTEGER NOT NULL,
    token INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    outcome TEXT,
    error TEXT,
    cpu_ms INTEGER NOT NULL,
    peak_memory_bytes INTEGER NOT NULL,
    result TEXT,
    PRIMARY KEY (ref, token, entry)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE event (
    queue INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    job_id TEXT,
    name TEXT NOT NULL,
    actor TEXT,
    detail TEXT,
    PRIMARY KEY (queue, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ref INTEGER NOT NULL,
    sequence INTEGER NOT NULL,  -- of order keys
    token INTEGER NOT NULL,
    outbox INTEGER NOT NULL
, commits INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE job (
    ref INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue INTEGER NOT NULL,
    task INTEGER NOT NULL,
    payload TEXT,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    soft_timeout_ms INTEGER NOT NULL,
    hard_timeout_ms INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    result_ttl_ms INTEGER NOT NULL,
    task_version INTEGER NOT NULL,
    nominal_at INTEGER NOT NULL,
    correlation_id TEXT,
    headers TEXT,
    tenant TEXT,
    unique_key TEXT,
    concurrency_key TEXT,
    rate_key TEXT,
    parent_id TEXT,
    schedule_id TEXT,
    enqueued_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE live (
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
    holder INTEGER NOT NULL,     -- liveness file of the process that holds the lease
    expires_at INTEGER NOT NULL, -- as in `job`
    id_hash INTEGER NOT NULL     -- of job.id: tells whether a ref is the right one without a look at `job`
) STRICT;
CREATE TABLE migration (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL, made_by TEXT NOT NULL) STRICT;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    token INTEGER NOT NULL,
    target TEXT,
    body TEXT
) STRICT;
CREATE TABLE queue (
    number INTEGER PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    max_length INTEGER NOT NULL DEFAULT 0,
    ageing_ms INTEGER NOT NULL DEFAULT 0,
    defaults TEXT NOT NULL DEFAULT '{}',
    log_moves INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE tally (
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE task (
    number INTEGER PRIMARY KEY,
    runs INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    duration_sum_ms INTEGER NOT NULL,
    last_run_at INTEGER NOT NULL,
    last_failure_at INTEGER NOT NULL
) STRICT;
CREATE TABLE term (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE tombstone (id TEXT PRIMARY KEY, keep_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE worker (
    number INTEGER PRIMARY KEY,
    host TEXT,
    pid INTEGER NOT NULL,
    boot_id TEXT,
    version TEXT,
    queues TEXT,
    tasks TEXT,
    slots INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    seen_lease_ms INTEGER NOT NULL,
    seen_boot_id TEXT,
    holder INTEGER NOT NULL
) STRICT;
CREATE INDEX blocked ON live(queue) WHERE state = 3;
CREATE INDEX closed_by_age ON closed(queue, state, keep_until - closed_at, closed_at);
CREATE INDEX job_correlation ON job(correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX job_parent ON job(parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX not_completed ON closed(state) WHERE state > 5;
CREATE INDEX overdue ON live(queue, expires_at) WHERE state <> 2 AND attempt = 0 AND expires_at > 0;
CREATE INDEX parked ON live(queue, task, order_key) WHERE state = 4;
CREATE INDEX ready ON live(queue, task, order_key, ref, due_at) WHERE state = 1 AND suspect = 0;
CREATE INDEX running ON live(holder, lease_until) WHERE state = 2;
CREATE INDEX scheduled ON live(queue, due_at) WHERE state = 0;
CREATE INDEX suspect ON live(queue, task, order_key, ref, due_at) WHERE state = 1 AND suspect = 1;
CREATE INDEX tombstone_age ON tombstone(keep_until);
-- versions: 0 1 2 
