-- The tallies are what counting gives.
SELECT 'queue ' || queue || ' has ' || sum(counted) || ' jobs in state ' || state || ', its tally says ' || sum(told)
FROM (
    SELECT queue, state, count(*) AS counted, 0 AS told FROM live GROUP BY queue, state
    UNION ALL SELECT queue, state, count(*), 0 FROM closed GROUP BY queue, state
    UNION ALL SELECT queue, state, 0, jobs FROM tally)
GROUP BY queue, state HAVING sum(counted) <> sum(told)
