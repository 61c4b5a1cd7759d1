-- ?1 ref
DELETE FROM closed WHERE ref = ?1
