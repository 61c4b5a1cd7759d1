-- ?1..?7 the columns of event, in order
INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
