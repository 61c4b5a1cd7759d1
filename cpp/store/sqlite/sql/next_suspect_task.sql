-- ?1 queue, ?2 the lowest task that may be given -> the lowest task with a ready suspect
SELECT task FROM live INDEXED BY suspect
WHERE state = 1 AND suspect = 1 AND queue = ?1 AND task >= ?2 ORDER BY task LIMIT 1
