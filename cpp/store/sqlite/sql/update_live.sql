-- ?1..?26 the columns of live, in order, but the last two, which never change
UPDATE live SET queue = ?2, task = ?3, state = ?4, order_key = ?5, due_at = ?6, attempt = ?7, failures = ?8,
    snoozes = ?9, crashes = ?10, suspect = ?11, cancel_requested = ?12, token = ?13, worker = ?14, lease_until = ?15,
    started_at = ?16, closed_at = ?17, keep_until = ?18, result = ?19, error = ?20, reason = ?21, progress_count = ?22,
    progress_total = ?23, progress_message = ?24, checksum = ?25, holder = ?26
WHERE ref = ?1
