"""An SQLite file of ours: opened safely, written under a lock, used from one thread.

* **Never the job store's file.** The engine links an SQLite of its own, and two copies of SQLite in one
  process must not open one file: closing either drops the other's POSIX locks. So a path beside which the
  engine keeps its ``-khala`` directory is refused before it is touched, and any other file by its application
  id.
* **One writer at a time.** WAL mode of SQLite before 3.51.3 can corrupt the file when two connections write
  or checkpoint at once, and its own lock is unfair. Everything that writes, recovers or checkpoints therefore
  holds an exclusive flock on ``<file>-lock``; readers never wait.
* **One thread.** Each file has a thread that owns the connection; the event loop awaits it.
* Commits are durable (``synchronous=FULL``); the file is readable by its owner only.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from khala_jobs.errors import Closed, Forked, SchemaMismatch, StoreBusy, StoreCorrupt, StoreFull, StoreIO

__all__ = ["SqliteFile"]

T = TypeVar("T")

_VERSION: Final = 3
_SINCE: Final = {  # what has come since that version
    1: ("blocks_schema.sql", "runs_schema.sql"),
    2: ("runs_schema.sql",),
}
_LOCK_WAIT_S: Final = 60.0
_LOCK_POLL_S: Final = 0.002
_HEADER: Final = b"SQLite format 3\0"
_APPLICATION_ID_AT: Final = 68


class SqliteFile:
    """A file with a schema.

    Subclasses add the statements. Opened by the first use or by ``async with``; safe to use from any task of
    any event loop, since all work happens in the file's own thread.

    Args:
        path: Created with mode 0600 when it does not exist.
    """

    application_id: int
    schemas: tuple[str, ...]
    what: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._lock_fd = -1
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"khala-{self.what.split()[0]}")

    async def __aenter__(self) -> Self:
        await self._call(self._open)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the file's thread, in one read transaction.

        Raises:
            Closed: The file was closed.
            SchemaMismatch: It is another program's file, or a newer version of ours.
            StoreIO: The file cannot be read.
        """
        return await self._call(partial(self._read, work))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in the file's thread, in one write transaction; its exception rolls everything back.

        Raises:
            StoreBusy: Another process held the write lock for a minute.
            StoreFull: The disk is full; nothing was written.
            (and as `read`)
        """
        return await self._call(partial(self._write, work))

    async def close(self) -> None:
        """Finish what was handed in, then close the file; it cannot be used afterwards. Idempotent."""
        if self._closed or os.getpid() != self._pid:
            self._closed = True
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._shut)
        self._thread.shutdown(wait=True)

    async def _call(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise Closed("repository", f"{self.path} was closed")
        if os.getpid() != self._pid:
            raise Forked(
                "repository", f"{self.path} was opened before fork; open it again in the child process"
            )
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._open()
        with _translated(self.path):
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._open()
        with self._locked(), _translated(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._refuse_foreign()
            if self._lock_fd < 0:
                self._lock_fd = _create(f"{self.path}-lock")
            with self._locked(), _translated(self.path):
                os.close(_create(self.path))
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=True, timeout=_LOCK_WAIT_S
        )
        try:
            version = self._checked_version(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            if version < _VERSION:
                self._create_schema(connection, self.schemas if version == 0 else _SINCE[version])
        except BaseException:
            connection.close()
            raise
        return connection

    def _checked_version(self, connection: sqlite3.Connection) -> int:
        """The version of our schema, 0 for a new file; before anything is written to it."""
        ours = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if ours != self.application_id and tables:
            raise SchemaMismatch("path", f"{self.path} is an SQLite file, but not {self.what}")
        if version > _VERSION:
            raise SchemaMismatch(
                "path", f"{self.path} has schema {version}; this version of khala_jobs knows {_VERSION}"
            )
        return int(version)

    def _create_schema(self, connection: sqlite3.Connection, names: tuple[str, ...]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for name in names:
            for statement in _statements(files(__package__).joinpath(name).read_text()):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {self.application_id}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")

    def _refuse_foreign(self) -> None:
        """Refuse other files without opening the job store's; see the module's first comment."""
        if Path(f"{self.path}-khala").is_dir():
            raise SchemaMismatch("path", f"{self.path} is a job store; {self.what} needs a file of its own")
        try:
            with self.path.open("rb") as file:
                header = file.read(100)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreIO("path", f"{self.path} cannot be read: {error.strerror}") from error
        if not header:
            return
        found = int.from_bytes(header[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4], "big")
        if not header.startswith(_HEADER) or found not in (0, self.application_id):
            raise SchemaMismatch("path", f"{self.path} is not {self.what}")

    def _shut(self) -> None:
        if self._connection is not None:
            with self._locked():  # the last connection's close checkpoints
                self._connection.close()
            self._connection = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    raise StoreIO("path", f"{self.path}-lock cannot be locked: {error.strerror}") from error
            if time.monotonic() > deadline:
                raise StoreBusy("path", f"another process has held {self.path}-lock for {_LOCK_WAIT_S:g} s")
            time.sleep(_LOCK_POLL_S)
        try:
            yield
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)


def _create(path: str | Path) -> int:
    """Open a file for reading and writing, creating it for its owner only."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreIO("path", f"{path} cannot be opened: {error.strerror}") from error


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, one by one (executescript would commit our transaction)."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's own errors as ours; constraint and value errors pass, since they are about one row."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StoreFull("path", f"no room on the disk of {path}; nothing was written") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy("path", f"{path} is locked by another program: {error}") from error
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StoreCorrupt("path", f"{path} is damaged: {error}") from error
        if code in (
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_PERM,
        ):
            raise StoreIO("path", f"{path}: {error}") from error
        raise
