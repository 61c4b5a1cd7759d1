-- ?1 ref -> state, token, cancel_requested, id_hash
SELECT state, token, cancel_requested, id_hash FROM live WHERE ref = ?1
