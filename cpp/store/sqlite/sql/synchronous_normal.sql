-- A commit is with the operating system before it returns.
PRAGMA synchronous = NORMAL;
