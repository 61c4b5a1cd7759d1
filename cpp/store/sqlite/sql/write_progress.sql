-- ?1 ref, ?2 count, ?3 total, ?4 message
UPDATE live SET progress_count = ?2, progress_total = ?3, progress_message = ?4 WHERE ref = ?1
