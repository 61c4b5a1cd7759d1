-- Takes a lease out of live if it stands as this process left it. The checksum stands for all but what renewals write.
-- ?1 ref, ?2 checksum, ?3 lease_until, ?4 progress_count, ?5 progress_total, ?6 progress_message
DELETE FROM live WHERE ref = ?1 AND state = 2 AND cancel_requested = 0 AND checksum = ?2 AND lease_until = ?3
    AND progress_count = ?4 AND progress_total = ?5 AND progress_message IS ?6
