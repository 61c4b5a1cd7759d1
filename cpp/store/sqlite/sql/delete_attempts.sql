-- ?1 ref
DELETE FROM attempt WHERE ref = ?1
