-- Schema 1, one row each for the namespace, its names, queues, tasks and workers.

-- The counters from which everything fresh is taken. One row.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ref INTEGER NOT NULL,
    sequence INTEGER NOT NULL,  -- of order keys
    token INTEGER NOT NULL,
    outbox INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, 0, 0);

-- Texts that many rows share (queues, tasks, retry policies, workers), as numbers. Never removed.
CREATE TABLE term (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE queue (
    number INTEGER PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    max_length INTEGER NOT NULL DEFAULT 0,
    ageing_ms INTEGER NOT NULL DEFAULT 0,
    defaults TEXT NOT NULL DEFAULT '{}',
    log_moves INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0
) STRICT;

-- How many jobs of a queue are in a state: kept by every transaction, so that nobody has to count.
CREATE TABLE tally (
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;
