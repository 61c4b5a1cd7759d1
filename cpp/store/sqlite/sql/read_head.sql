-- -> ref, sequence, token, outbox
SELECT ref, sequence, token, outbox FROM head WHERE one = 1
