-- Schema 1, what is kept beside the jobs.

-- Ended attempts but for the one that completed a job (see `closed`), and notes of what came late. `entry` orders those
-- of one token.
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

-- Ids of jobs that were pruned or removed; an enqueue of one is answered `exists` until then.
CREATE TABLE tombstone (id TEXT PRIMARY KEY, keep_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_age ON tombstone(keep_until);

-- The last kEventCount of each queue. `queue.events` is the latest sequence number.
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
