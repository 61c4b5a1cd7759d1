-- ?1 limit -> the columns of outbox, oldest first
SELECT number, id, token, target, body FROM outbox ORDER BY number LIMIT ?1
