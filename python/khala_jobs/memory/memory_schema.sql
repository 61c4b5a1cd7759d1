-- The embedded memory repository. Times are microseconds since 1970, UTC; flags are 0 or 1.

CREATE TABLE memories (
    id                 TEXT PRIMARY KEY NOT NULL,
    user_id            TEXT NOT NULL,
    content            TEXT NOT NULL,
    scope              TEXT,
    model_id           TEXT,
    tier               TEXT NOT NULL CHECK (tier IN ('working', 'short_term', 'long_term', 'scratchpad')),
    importance         REAL NOT NULL CHECK (importance BETWEEN 0 AND 1),
    access_count       INTEGER NOT NULL CHECK (access_count >= 0),
    created_us         INTEGER NOT NULL,
    updated_us         INTEGER NOT NULL,
    accessed_us        INTEGER NOT NULL,
    expires_us         INTEGER,
    decay_score        REAL CHECK (decay_score BETWEEN 0 AND 1),
    archived           INTEGER NOT NULL CHECK (archived IN (0, 1)),
    pinned             INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    duplicate_of       TEXT,
    consolidated_into  TEXT,
    consolidated_from  TEXT NOT NULL,            -- JSON list of ids
    duplicate_flag     TEXT,                     -- JSON object
    verification_score REAL NOT NULL CHECK (verification_score BETWEEN 0 AND 1),
    confidence         REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    metadata           TEXT NOT NULL,            -- JSON object
    content_hash       TEXT NOT NULL,
    embedding          BLOB                      -- little-endian float32
) STRICT;

-- Keyset paging in the order (user, id), for one user or for all.
CREATE UNIQUE INDEX memories_page ON memories (user_id, id);

-- get_by_tier: the most recently read first.
CREATE INDEX memories_tier ON memories (user_id, tier, accessed_us DESC) WHERE archived = 0;

-- find_duplicate_groups: equal normalised contents of a user.
CREATE INDEX memories_content ON memories (user_id, content_hash) WHERE archived = 0;

CREATE TABLE cache_entries (
    key        TEXT PRIMARY KEY NOT NULL,
    value      BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT;

CREATE INDEX cache_entries_expiry ON cache_entries (expires_us);
