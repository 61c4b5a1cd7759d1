-- ?1 queue, ?2 the lowest task that may be given -> the lowest task with a ready job. One seek, whatever lies between.
SELECT task FROM live INDEXED BY ready
WHERE state = 1 AND suspect = 0 AND queue = ?1 AND task >= ?2 ORDER BY task LIMIT 1
