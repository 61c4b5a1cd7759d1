-- ?1 version, ?2 now, ?3 version of this code
INSERT INTO migration VALUES (?1, ?2, ?3)
