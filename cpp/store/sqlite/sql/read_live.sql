-- ?1 ref -> the columns of live
SELECT * FROM live WHERE ref = ?1
