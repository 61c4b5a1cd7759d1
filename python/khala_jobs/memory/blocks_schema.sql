-- Finished blocks of a join that is under way; gone as soon as its unit has a plan. Schema 2.

CREATE TABLE blocks (
    run_id  TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE,
    key     TEXT NOT NULL,                      -- of the vectors, groups and threshold
    block   INTEGER NOT NULL,
    pairs   BLOB NOT NULL,
    PRIMARY KEY (run_id, key, block)
) STRICT;
