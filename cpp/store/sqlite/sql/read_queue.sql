-- ?1 number -> settings, latest event
SELECT paused, max_length, ageing_ms, defaults, log_moves, events FROM queue WHERE number = ?1
