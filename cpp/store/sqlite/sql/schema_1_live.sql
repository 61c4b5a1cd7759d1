-- Schema 1, how jobs stand that are not closed: narrow rows, all that a claim has to look through.
-- `checksum` leaves out what a renewal writes: lease_until, cancel_requested and the progress.
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
