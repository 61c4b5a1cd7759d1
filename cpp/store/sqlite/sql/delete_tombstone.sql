-- ?1 id
DELETE FROM tombstone WHERE id = ?1
