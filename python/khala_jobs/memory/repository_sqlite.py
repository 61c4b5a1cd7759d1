"""The embedded memory repository: one SQLite file, nothing to install.

It satisfies the repository port (ports.py) with `Memory` values, has every optional faster method, and
carries out plans by itself: the edits of an operation, the check of what they rest on, and their rows in the
operation log are one transaction. So a process killed at any moment leaves each operation made or not made,
never half made and never made but unlogged.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from khala_jobs.errors import InvalidArgument, NotFound

from . import edits as log
from .edits import LoggedEdit
from .journal import JournalFile
from .model import Json, Memory, Tier
from .outcome import Outcome, UndoOutcome, broken_expectation, drifted
from .plan import Edit, Operation
from .rows import SELECT, delete_row, insert_row, memory_of, rows_by_id, update_row

__all__ = ["SqliteMemoryRepository"]

_ALL_FIELDS: Final = frozenset(Memory.__dataclass_fields__) - {"id"}

_USERS: Final = "SELECT DISTINCT user_id FROM memories ORDER BY user_id"
_BY_TIER: Final = (
    f"{SELECT} WHERE user_id = ? AND tier = ? AND archived = 0 ORDER BY accessed_us DESC, id LIMIT ?"
)
_EQUAL_CONTENTS: Final = f"""
    {SELECT} WHERE user_id = :user_id AND archived = 0 AND content_hash IN (
        SELECT content_hash FROM memories WHERE user_id = :user_id AND archived = 0
        GROUP BY content_hash HAVING count(*) > 1
    ) ORDER BY created_us, id"""  # noqa: S608 - constant names
_PAGE: Final = f"{SELECT} WHERE (user_id, id) > (?, ?) ORDER BY user_id, id LIMIT ?"
_USER_PAGE: Final = f"{SELECT} WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?"
_COUNT: Final = "SELECT count(*) FROM memories WHERE :user_id IS NULL OR user_id = :user_id"
_PUT_CACHE: Final = (
    "INSERT OR REPLACE INTO cache_entries (key, value, created_us, expires_us) VALUES (?, ?, ?, ?)"
)
_GET_CACHE: Final = "SELECT value FROM cache_entries WHERE key = ? AND expires_us > ?"
_EXPIRED_CACHE: Final = "SELECT key FROM cache_entries WHERE expires_us <= ? ORDER BY expires_us, key LIMIT ?"
_DELETE_CACHE: Final = (
    "DELETE FROM cache_entries WHERE expires_us <= ? AND key IN (SELECT value FROM json_each(?))"
)


class SqliteMemoryRepository(JournalFile):
    """Memories in an SQLite file.

    Args:
        path: The file; created when missing, mode 0600. It must not be the job store's.

    Raises:
        SchemaMismatch: On first use, when the file is something else.
    """

    application_id = 0x4B4D454D
    schemas = ("journal_schema.sql", "blocks_schema.sql", "runs_schema.sql", "memory_schema.sql")
    what = "memory repository of khala_jobs"

    async def create(self, memory: Memory) -> str:
        """Add a memory.

        Raises:
            InvalidArgument: Its id exists.
        """
        await self.create_many([memory])
        return memory.id

    async def create_many(self, memories: Iterable[Memory]) -> int:
        """Add memories, all or none.

        Raises:
            InvalidArgument: An id exists already, or twice among them.
        """
        rows = list(memories)

        def work(connection: sqlite3.Connection) -> int:
            for memory in rows:
                try:
                    insert_row(connection, memory)
                except sqlite3.IntegrityError as error:
                    raise InvalidArgument("id", f"memory {memory.id!r} exists already: {error}") from error
            return len(rows)

        return await self.write(work)

    async def get_by_id(self, memory_id: str) -> Memory | None:
        """A memory, archived or not, or None."""
        return await self.read(lambda connection: rows_by_id(connection, [memory_id]).get(memory_id))

    async def get_many(self, memory_ids: Iterable[str]) -> dict[str, Memory]:
        """Those of some memories that exist, by id."""
        ids = list(memory_ids)
        return await self.read(lambda connection: rows_by_id(connection, ids))

    async def update(self, memory: Memory) -> None:
        """Write all fields of a memory that exists.

        Raises:
            NotFound: No memory has this id.
        """
        await self.update_many([memory])

    async def update_many(self, memories: Iterable[Memory]) -> None:
        """Write all fields of memories that exist, all or none.

        Raises:
            NotFound: One of the ids does not exist.
        """
        rows = list(memories)

        def work(connection: sqlite3.Connection) -> None:
            known = rows_by_id(connection, [memory.id for memory in rows])
            for memory in rows:
                if memory.id not in known:
                    raise NotFound("id", f"there is no memory {memory.id!r}")
                update_row(connection, memory, _ALL_FIELDS)

        await self.write(work)

    async def delete(self, memory_id: str) -> None:
        """Remove a memory for good, if it exists; lifecycle jobs do not come this way."""
        await self.write(lambda connection: delete_row(connection, memory_id))

    async def get_by_tier(self, user_id: str, tier: str, limit: int = 100) -> list[Memory]:
        """A user's memories of a tier that are not archived, the most recently read first."""
        return await self._select(_BY_TIER, (user_id, str(Tier(tier)), limit))

    async def find_duplicate_groups(self, user_id: str) -> list[list[Memory]]:
        """A user's memories of equal normalised content, in groups, oldest first; archived ones left out."""

        def work(connection: sqlite3.Connection) -> list[list[Memory]]:
            rows = connection.execute(_EQUAL_CONTENTS, {"user_id": user_id})
            groups: dict[str, list[Memory]] = {}
            for memory in map(memory_of, rows):
                groups.setdefault(memory.content_hash, []).append(memory)
            return list(groups.values())

        return await self.read(work)

    async def list_users(self) -> list[str]:
        """Every user with a memory, sorted."""
        return await self.read(
            lambda connection: [
                row[0] for row in connection.execute("SELECT DISTINCT user_id FROM memories ORDER BY user_id")
            ]
        )

    async def list_page(
        self, *, user_id: str | None = None, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> list[Memory]:
        """Memories in the order (user, id), archived ones too.

        Args:
            user_id: Only this user's.
            after: (user, id) of the last one of the page before.
            limit: Most memories.
        """
        after_user, after_id = after or (user_id or "", "")
        if user_id is None:
            return await self._select(_PAGE, (after_user, after_id, limit))
        return await self._select(_USER_PAGE, (user_id, after_id, limit))

    async def count_memories(self, user_id: str | None = None) -> int:
        """How many memories there are, archived ones too."""
        asked = {"user_id": user_id}
        return await self.read(lambda connection: int(connection.execute(_COUNT, asked).fetchone()[0]))

    async def _select(self, statement: str, parameters: tuple[Any, ...]) -> list[Memory]:
        def work(connection: sqlite3.Connection) -> list[Memory]:
            return [memory_of(row) for row in connection.execute(statement, parameters)]

        return await self.read(work)

    async def _texts(self, statement: str, parameters: tuple[Any, ...]) -> list[str]:
        return await self.read(
            lambda connection: [row[0] for row in connection.execute(statement, parameters)]
        )

    async def resolve(self, memory_id: str) -> Memory | None:
        """The memory that says today what this one said: itself, or what it was merged or summarised into."""

        def work(connection: sqlite3.Connection) -> Memory | None:
            seen: set[str] = set()
            current = memory_id
            while current not in seen:
                seen.add(current)
                memory = rows_by_id(connection, [current]).get(current)
                if memory is None:
                    return None
                successor = memory.duplicate_of or memory.consolidated_into
                if not memory.archived or successor is None:
                    return memory
                current = successor
            return None

        return await self.read(work)

    async def put_cache(self, key: str, value: bytes, *, created_us: int, expires_us: int) -> None:
        """Store a cache entry, replacing one of that key."""
        row = (key, value, created_us, expires_us)
        await self.write(lambda connection: connection.execute(_PUT_CACHE, row))

    async def get_cache(self, key: str, *, now_us: int) -> bytes | None:
        """The value of a cache entry that has not expired, or None."""

        def work(connection: sqlite3.Connection) -> bytes | None:
            row = connection.execute(_GET_CACHE, (key, now_us)).fetchone()
            return None if row is None else bytes(row[0])

        return await self.read(work)

    async def list_expired_cache(self, before_us: int, limit: int) -> list[str]:
        """Keys of cache entries that expired at or before a moment, soonest first."""
        return await self._texts(_EXPIRED_CACHE, (before_us, limit))

    async def delete_cache(self, keys: Iterable[str], before_us: int) -> int:
        """Delete cache entries except those renewed since they were listed; returns how many."""
        parameters = (before_us, log.encode(list(keys)))
        return await self.write(lambda connection: connection.execute(_DELETE_CACHE, parameters).rowcount)

    async def apply_operations(self, run_id: str, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations of a run in one transaction, each wholly or not at all.

        Args:
            run_id: A run begun with `begin_run`.
            operations: In order.

        Returns:
            One outcome an operation. One that fails leaves the others alone.
        """

        def work(connection: sqlite3.Connection) -> list[Outcome]:
            touched = {edit.memory_id for op in operations for edit in op.edits}
            needed = touched | {memory_id for op in operations for memory_id in op.require}
            whole = {edit.memory_id for op in operations for edit in op.edits if edit.action == "delete"}
            memories = rows_by_id(connection, needed - whole, vectors=False) | rows_by_id(connection, whole)
            done = set(log.edited_ids(connection, run_id, touched))
            return [_apply(connection, run_id, op, memories, done) for op in operations]

        return await self.write(work)

    async def undo_operations(
        self, run_id: str, now_us: int, *, after: str = "", limit: int = 500
    ) -> tuple[list[UndoOutcome], str | None]:
        """Undo a page of a run's operations in one transaction.

        Args:
            run_id: The run.
            now_us: Time written to the log.
            after: Cursor of the page before.
            limit: Most operations.

        Returns:
            Outcomes, and the cursor of the next page, None after the last.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[UndoOutcome], str | None]:
            page = log.operations_to_undo(connection, run_id, after, limit)
            outcomes = [_undo(connection, run_id, subject, edits, now_us) for subject, edits in page]
            return outcomes, page[-1][0] if len(page) == limit else None

        return await self.write(work)


def _apply(
    connection: sqlite3.Connection,
    run_id: str,
    operation: Operation,
    memories: dict[str, Memory],
    done: set[str],
) -> Outcome:
    """One operation inside the transaction; ``memories`` is kept in step with the file."""
    if any(edit.memory_id in done for edit in operation.edits):
        return Outcome(operation.memory_id, "already")
    stale = broken_expectation(operation, memories.get)
    if stale is not None:
        return Outcome(operation.memory_id, "stale", stale)
    changed: dict[str, Memory | None] = {}
    try:
        with _savepoint(connection, needed=len(operation.edits) > 1):
            for edit in operation.edits:
                current = memories.get(edit.memory_id)
                changed[edit.memory_id] = _edit(connection, run_id, operation, edit, current)
    except (InvalidArgument, sqlite3.IntegrityError, ValueError, TypeError) as error:
        return Outcome(operation.memory_id, "failed", f"{type(error).__name__}: {error}")
    for memory_id, memory in changed.items():
        done.add(memory_id)
        if memory is None:
            memories.pop(memory_id, None)
        else:
            memories[memory_id] = memory
    return Outcome(operation.memory_id, "applied")


@contextmanager
def _savepoint(connection: sqlite3.Connection, *, needed: bool) -> Iterator[None]:
    """All edits of an operation or none. A single one needs no savepoint: it fails before it changes anything."""
    if not needed:
        yield
        return
    connection.execute("SAVEPOINT operation")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO operation")
        raise
    finally:
        connection.execute("RELEASE operation")


def _edit(
    connection: sqlite3.Connection, run_id: str, operation: Operation, edit: Edit, current: Memory | None
) -> Memory | None:
    before: Mapping[str, Json] | None = None
    after: Memory | None = None
    if edit.action == "create":
        after = Memory.from_json(edit.values)
        insert_row(connection, after)
        log.log_edits(connection, [LoggedEdit.of(run_id, operation, edit, None, applied=True)])
        return after
    assert current is not None  # as `broken_expectation` saw
    if edit.action == "update":
        after = current.with_changes(edit.values)
        before = {name: current.field_json(name) for name in edit.values}
        update_row(connection, after, edit.values)
    else:
        before = current.to_json()
        delete_row(connection, edit.memory_id)
    log.log_edits(connection, [LoggedEdit.of(run_id, operation, edit, before, applied=True)])
    return after


def _undo(
    connection: sqlite3.Connection, run_id: str, subject: str, edits: Sequence[LoggedEdit], now_us: int
) -> UndoOutcome:
    """Take back one operation, unless one of its memories was touched since."""
    memories = rows_by_id(connection, [edit.memory_id for edit in edits])
    conflicts = tuple(
        why for edit in edits if (why := drifted(edit, memories.get(edit.memory_id))) is not None
    )
    if conflicts:
        return UndoOutcome(subject, restored=False, memories=len(edits), conflicts=conflicts)
    for edit in edits:
        if edit.action == "create":
            delete_row(connection, edit.memory_id)
        elif edit.action == "update":
            before: dict[str, Any] = edit.before or {}
            update_row(connection, memories[edit.memory_id].with_changes(before), before)
        else:
            insert_row(connection, Memory.from_json(edit.before or {}))
    log.mark_undone(connection, run_id, subject, now_us)
    return UndoOutcome(subject, restored=True, memories=len(edits), conflicts=())
