-- ?1 ref behind which to start, ?2 limit -> ref
SELECT ref FROM job WHERE ref > ?1 ORDER BY ref LIMIT ?2
