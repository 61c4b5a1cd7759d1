-- ?1 ref, ?2 lease_until
UPDATE live SET lease_until = ?2 WHERE ref = ?1
