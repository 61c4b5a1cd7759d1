-- What holds for every closed job.
SELECT 'job ' || id || ' of closed has ' || fault FROM (
    SELECT ref, CASE
        WHEN state NOT BETWEEN 5 AND 9 THEN 'state ' || state
        WHEN closed_at = 0 THEN 'no time of closing'
        WHEN token > (SELECT token FROM head) THEN 'a token that was never drawn'
        WHEN queue <> (SELECT queue FROM job WHERE job.ref = closed.ref) THEN 'another queue than in job'
        WHEN task <> (SELECT task FROM job WHERE job.ref = closed.ref) THEN 'another task than in job'
        END AS fault FROM closed) JOIN job USING (ref)
WHERE fault IS NOT NULL
