-- Before any version: which versions of the schema have been made. The id marks the file as ours ("khal").
PRAGMA application_id = 1802002796;
CREATE TABLE migration (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL, made_by TEXT NOT NULL) STRICT;
