-- What holds for every job that is not closed.
SELECT 'job ' || id || ' of live has ' || fault FROM (
    SELECT ref, CASE
        WHEN state NOT BETWEEN 0 AND 4 THEN 'state ' || state
        WHEN closed_at <> 0 THEN 'a time of closing'
        WHEN (state = 2) <> (holder <> 0) THEN 'state ' || state || ' and holder ' || holder
        WHEN token > (SELECT token FROM head) THEN 'a token that was never drawn'
        WHEN queue <> (SELECT queue FROM job WHERE job.ref = live.ref) THEN 'another queue than in job'
        WHEN task <> (SELECT task FROM job WHERE job.ref = live.ref) THEN 'another task than in job'
        WHEN expires_at <> (SELECT expires_at FROM job WHERE job.ref = live.ref) THEN 'another expires_at than in job'
        END AS fault FROM live) JOIN job USING (ref)
WHERE fault IS NOT NULL
