-- ?1 ref -> the columns of closed
SELECT * FROM closed WHERE ref = ?1
