-- ?1 the lowest holder that may be given -> the lowest holder of a lease
SELECT holder FROM live INDEXED BY running WHERE state = 2 AND holder >= ?1 ORDER BY holder LIMIT 1
