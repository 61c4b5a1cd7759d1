-- ?1 id -> ref, queue, task
SELECT ref, queue, task FROM job WHERE id = ?1
