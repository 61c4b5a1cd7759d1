-- ?1 ref, ?2 sequence, ?3 token, ?4 outbox
UPDATE head SET ref = ?1, sequence = ?2, token = ?3, outbox = ?4 WHERE one = 1
