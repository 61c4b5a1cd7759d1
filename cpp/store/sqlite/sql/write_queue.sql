-- ?1 number, ?2 paused, ?3 max_length, ?4 ageing_ms, ?5 defaults, ?6 log_moves, ?7 latest event
UPDATE queue SET paused = ?2, max_length = ?3, ageing_ms = ?4, defaults = ?5, log_moves = ?6, events = ?7
WHERE number = ?1
