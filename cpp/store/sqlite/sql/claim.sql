-- ?1 queue, ?2 task, ?3 order_key and ?4 ref behind which to start, ?5 limit -> order_key, ref, ascending
SELECT order_key, ref FROM live INDEXED BY ready
WHERE state = 1 AND suspect = 0 AND queue = ?1 AND task = ?2 AND order_key >= ?3 AND (order_key > ?3 OR ref > ?4)
ORDER BY order_key, ref LIMIT ?5
