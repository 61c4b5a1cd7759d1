-- As list_closed.sql, of one state (?6) that is not completed
SELECT ref FROM closed INDEXED BY not_completed WHERE state > 5 AND state = ?6 AND ref > ?1
    AND (?3 >> state) & 1 AND (?4 = 0 OR queue = ?4) AND (?5 = 0 OR task = ?5)
ORDER BY ref LIMIT ?2
