-- Of a new file.
PRAGMA page_size = 4096;
