-- ?1 queue -> due_at of its next scheduled job
SELECT due_at FROM live INDEXED BY scheduled WHERE state = 0 AND queue = ?1 ORDER BY due_at LIMIT 1
