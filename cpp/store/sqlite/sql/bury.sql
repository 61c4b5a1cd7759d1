-- ?1 id, ?2 keep_until
INSERT INTO tombstone VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET keep_until = excluded.keep_until
