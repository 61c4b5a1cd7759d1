-- Schema 2: a claim finds its jobs in order and need not sort those with equal keys; the head counts the commits, so
-- that a file that has lost the end of its log is known by it.
DROP INDEX ready;
DROP INDEX suspect;
CREATE INDEX ready ON live(queue, task, order_key, ref, due_at) WHERE state = 1 AND suspect = 0;
CREATE INDEX suspect ON live(queue, task, order_key, ref, due_at) WHERE state = 1 AND suspect = 1;
ALTER TABLE head ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;
