-- ?1..?5 the columns of outbox, in order
INSERT INTO outbox VALUES (?1, ?2, ?3, ?4, ?5)
