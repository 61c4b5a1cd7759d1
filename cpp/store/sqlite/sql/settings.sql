-- Of every connection. (PRAGMA wal_autocheckpoint would take away the hook that tells the length of the log.)
PRAGMA journal_mode = WAL;
PRAGMA journal_size_limit = 67108864;
PRAGMA mmap_size = 0;
PRAGMA cache_size = -32768;
PRAGMA cell_size_check = ON;
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
