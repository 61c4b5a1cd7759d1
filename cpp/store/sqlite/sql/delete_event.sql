-- ?1 queue, ?2 the latest sequence number that goes
DELETE FROM event WHERE queue = ?1 AND sequence <= ?2
