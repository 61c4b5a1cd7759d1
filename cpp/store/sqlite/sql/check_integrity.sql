-- -> 'ok', or what SQLite finds wrong with pages and indexes
PRAGMA integrity_check(100)
