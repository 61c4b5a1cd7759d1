-- ?1 queue -> state, jobs
SELECT state, jobs FROM tally WHERE queue = ?1
