-- ?1 order_key and ?6 ref behind which to start, ?2 limit, ?3 bits of the states, ?4 queue or 0, ?5 task or 0
-- -> order_key, ref. Looks at every row: the price of an order that no index has over all tasks.
SELECT order_key, ref FROM closed WHERE (order_key, ref) > (?1, ?6)
    AND (?3 >> state) & 1 AND (?4 = 0 OR queue = ?4) AND (?5 = 0 OR task = ?5)
ORDER BY order_key, ref LIMIT ?2
