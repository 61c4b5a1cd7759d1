-- ?1 now, ?2 at most so many -> ids whose time has passed
SELECT id FROM tombstone INDEXED BY tombstone_age WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2
