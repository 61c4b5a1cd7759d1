-- ?1 queue, ?2 state, ?3 jobs more (or less)
INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT (queue, state) DO UPDATE SET jobs = jobs + excluded.jobs
