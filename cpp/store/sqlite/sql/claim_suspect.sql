-- As claim.sql, of suspects
SELECT order_key, ref FROM live INDEXED BY suspect
WHERE state = 1 AND suspect = 1 AND queue = ?1 AND task = ?2 AND order_key >= ?3 AND (order_key > ?3 OR ref > ?4)
ORDER BY order_key, ref LIMIT ?5
