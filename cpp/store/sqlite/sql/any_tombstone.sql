-- -> a row when any id is remembered
SELECT 1 FROM tombstone LIMIT 1
