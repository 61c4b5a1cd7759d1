-- ?1 ref behind which to start, ?2 limit, ?4 queue or 0, ?5 task or 0, ?6 1 for ascending or -1 -> ref
SELECT ref FROM live INDEXED BY running WHERE state = 2 AND ref * ?6 > ?1 * ?6
    AND (?4 = 0 OR queue = ?4) AND (?5 = 0 OR task = ?5)
ORDER BY ref * ?6 LIMIT ?2
