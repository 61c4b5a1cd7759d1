-- Of every connection. The log is never emptied inside a commit (wal_autocheckpoint), only when idle or too long.
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA journal_size_limit = 67108864;
PRAGMA mmap_size = 0;
PRAGMA cache_size = -32768;
PRAGMA cell_size_check = ON;
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
