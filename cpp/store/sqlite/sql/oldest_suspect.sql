-- ?1 queue -> due_at of the ready suspect that waited longest
SELECT min(due_at) FROM live INDEXED BY suspect WHERE state = 1 AND suspect = 1 AND queue = ?1
