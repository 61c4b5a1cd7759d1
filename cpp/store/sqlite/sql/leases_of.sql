-- ?1 holder, ?2 the latest lease_until, ?3 limit -> ref, lease_until
SELECT ref, lease_until FROM live INDEXED BY running
WHERE state = 2 AND holder = ?1 AND lease_until <= ?2 ORDER BY lease_until, ref LIMIT ?3
