-- ?1 queue -> due_at of the ready job that waited longest. Reads the queue's part of the index.
SELECT min(due_at) FROM live INDEXED BY ready WHERE state = 1 AND suspect = 0 AND queue = ?1
