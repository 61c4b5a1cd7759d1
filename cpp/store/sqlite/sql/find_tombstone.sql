-- ?1 id -> keep_until
SELECT keep_until FROM tombstone WHERE id = ?1
