-- ?1 ref -> state, token, cancel_requested
SELECT state, token, cancel_requested FROM live WHERE ref = ?1
