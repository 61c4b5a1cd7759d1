-- ?1 text -> number
SELECT number FROM term WHERE text = ?1
