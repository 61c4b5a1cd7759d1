-- A job stands in exactly one place.
SELECT 'job ' || id || ' stands in ' || places || ' places' FROM (
    SELECT id, (SELECT count(*) FROM live WHERE live.ref = job.ref)
        + (SELECT count(*) FROM closed WHERE closed.ref = job.ref) AS places FROM job)
WHERE places <> 1
UNION ALL
SELECT 'row ' || ref || ' of live is no job''s' FROM live WHERE ref NOT IN (SELECT ref FROM job)
UNION ALL
SELECT 'row ' || ref || ' of closed is no job''s' FROM closed WHERE ref NOT IN (SELECT ref FROM job)
