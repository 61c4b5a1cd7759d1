-- -> ref, sequence, token, outbox, commits
SELECT ref, sequence, token, outbox, commits FROM head WHERE one = 1
