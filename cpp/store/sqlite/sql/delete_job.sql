-- ?1 ref
DELETE FROM job WHERE ref = ?1
