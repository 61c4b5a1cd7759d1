-- What lifecycle runs did, so that they can be resumed and undone. Times are microseconds since 1970, UTC.

CREATE TABLE runs (
    run_id    TEXT PRIMARY KEY NOT NULL,
    job       TEXT NOT NULL,
    as_of_us  INTEGER NOT NULL,                 -- the clock reading that every attempt of the run decides by
    report    TEXT                              -- JSON, once finished
) STRICT;

-- A unit of a run: a page, or a user.
CREATE TABLE units (
    run_id  TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    unit    TEXT NOT NULL,
    begun   TEXT,                               -- JSON: its plan, from before its first edit until it is done
    done    TEXT,                               -- JSON, once every operation has been tried
    PRIMARY KEY (run_id, unit)
) STRICT, WITHOUT ROWID;

-- Summaries already paid for, by cluster.
CREATE TABLE drafts (
    run_id  TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
) STRICT, WITHOUT ROWID;

-- One row an edit. before/after hold the edited fields (update) or the whole memory (create, delete), as JSON.
CREATE TABLE edits (
    run_id     TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    memory_id  TEXT NOT NULL,
    operation  TEXT NOT NULL,                   -- memory id of the operation's subject: edits of one operation share it
    kind       TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('create', 'update', 'delete')),
    before     TEXT,
    after      TEXT,
    reason     TEXT NOT NULL,
    details    TEXT NOT NULL,
    applied    INTEGER NOT NULL CHECK (applied IN (0, 1)),  -- 0: written down, but perhaps not yet carried out
    undone_us  INTEGER,
    PRIMARY KEY (run_id, memory_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX edits_operation ON edits (run_id, operation);
