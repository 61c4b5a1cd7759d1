-- ?1 number
DELETE FROM outbox WHERE number = ?1
