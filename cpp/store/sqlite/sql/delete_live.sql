-- ?1 ref
DELETE FROM live WHERE ref = ?1
