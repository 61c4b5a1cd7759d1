-- ?1 ref behind which to start, ?2 limit -> ref
SELECT ref FROM live WHERE ref > ?1 ORDER BY ref LIMIT ?2
