-- A commit is on the disk before it returns.
PRAGMA synchronous = FULL;
