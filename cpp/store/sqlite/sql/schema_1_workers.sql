-- Schema 1, what tasks did, who works, and what is to be sent elsewhere.

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

-- `queues` and `tasks`: names, one a line (a name has no control characters).
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

-- Messages for other namespaces, written by the transaction of the move that sends them.
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    token INTEGER NOT NULL,
    target TEXT,
    body TEXT
) STRICT;
