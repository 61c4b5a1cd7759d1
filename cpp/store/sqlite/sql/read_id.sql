-- ?1 ref -> id
SELECT id FROM job WHERE ref = ?1
