-- What is kept beside the jobs belongs to one, and is not more than was promised (?1 attempts, ?2 now).
SELECT 'row ' || ref || ' has attempts and is no job''s' FROM attempt
WHERE ref NOT IN (SELECT ref FROM job) GROUP BY ref
UNION ALL
SELECT 'row ' || ref || ' has ' || count(*) || ' attempts in its history' FROM attempt
GROUP BY ref HAVING count(*) > ?1
UNION ALL
SELECT 'job ' || id || ' exists and is remembered as removed' FROM tombstone JOIN job USING (id) WHERE keep_until > ?2
UNION ALL
SELECT 'queue ' || queue || ' of job ' || id || ' is not there' FROM job WHERE queue NOT IN (SELECT number FROM queue)
UNION ALL
SELECT 'the counters of the store are behind its jobs' FROM head WHERE ref < (SELECT max(ref) FROM job)
UNION ALL
SELECT 'event ' || sequence || ' of queue ' || queue || ' was never drawn' FROM event
WHERE sequence > (SELECT events FROM queue WHERE number = event.queue)
