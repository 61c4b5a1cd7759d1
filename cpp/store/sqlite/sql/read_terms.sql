-- ?1 the number after which to start -> number, text
SELECT number, text FROM term WHERE number > ?1 ORDER BY number
