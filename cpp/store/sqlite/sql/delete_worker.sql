-- ?1 number
DELETE FROM worker WHERE number = ?1
