-- Schema 1, the jobs. `ref` is the order of insertion and never used twice; names are numbers of `term`.
-- A job is one row of `job`, which never changes, and one row of either `live` or `closed`.

-- What was asked for. Texts that were not given are NULL. `checksum`: XXH3 over the whole row.
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

-- For list() by these; a job without them pays nothing.
CREATE INDEX job_correlation ON job(correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX job_parent ON job(parent_id) WHERE parent_id IS NOT NULL;
