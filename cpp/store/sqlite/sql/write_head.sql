-- ?1 ref, ?2 sequence, ?3 token, ?4 outbox, ?5 commits
UPDATE head SET ref = ?1, sequence = ?2, token = ?3, outbox = ?4, commits = ?5 WHERE one = 1
