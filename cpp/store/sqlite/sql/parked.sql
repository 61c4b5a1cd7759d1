-- As claim.sql, of jobs that wait for a worker that knows them
SELECT order_key, ref FROM live INDEXED BY parked
WHERE state = 4 AND queue = ?1 AND task = ?2 AND order_key >= ?3 AND (order_key > ?3 OR ref > ?4)
ORDER BY order_key, ref LIMIT ?5
