-- As list_live.sql, descending
SELECT ref FROM live WHERE ref < ?1
    AND (?3 >> state) & 1 AND (?4 = 0 OR queue = ?4) AND (?5 = 0 OR task = ?5)
ORDER BY ref DESC LIMIT ?2
