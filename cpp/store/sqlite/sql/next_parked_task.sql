-- ?1 queue, ?2 the lowest task that may be given -> the lowest task with a parked job
SELECT task FROM live INDEXED BY parked WHERE state = 4 AND queue = ?1 AND task >= ?2 ORDER BY task LIMIT 1
