-- ?1 ref
DELETE FROM attempt WHERE (ref, token, entry) =
    (SELECT ref, token, entry FROM attempt WHERE ref = ?1 ORDER BY token, entry LIMIT 1)
