-- By counting.
INSERT INTO tally
SELECT queue, state, count(*) FROM (SELECT queue, state FROM live UNION ALL SELECT queue, state FROM closed)
GROUP BY queue, state
