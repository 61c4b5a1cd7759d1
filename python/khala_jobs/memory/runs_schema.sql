-- When a run was finished, and about whom it was. Schema 3.

ALTER TABLE runs ADD COLUMN user_id TEXT;                       -- NULL: all users
ALTER TABLE runs ADD COLUMN finished_us INTEGER;                -- NULL while it is not finished

-- Of runs from before this is not known: their logs are kept as long as if they were finished now.
UPDATE runs SET finished_us = CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) WHERE report IS NOT NULL;
