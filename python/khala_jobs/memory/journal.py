"""The operation log: which run changed what, from what, to what, and why.

It makes three things possible. **Resume**: attempt 2 of a killed job finds its clock reading, the plans it
had begun and the edits it had made, and goes on from there. **Undo**: every edit has its before-image.
**Report**: what a run did is read back from here, so the report of attempt 2 also tells what attempt 1 did.

The embedded repository keeps these tables in its own file, and writes an edit in the transaction that makes
it. For repositories of others `SqliteJournal` is a file beside them, and an edit is written down before it is
made.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from khala_jobs.errors import InvalidArgument

from .edits import LoggedEdit, count_by_kind, decode, deletions, encode, list_rows
from .sqlite_file import SqliteFile

__all__ = ["JournalFile", "Run", "SqliteJournal", "Unit"]

_PAGE: Final = 1000

_RUN: Final = "SELECT job, as_of_us, report FROM runs WHERE run_id = ?"
_RUNS: Final = "SELECT run_id, job, as_of_us, report FROM runs ORDER BY as_of_us DESC, run_id LIMIT ?"
_BEGIN_RUN: Final = (
    "INSERT INTO runs (run_id, job, as_of_us, user_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_FINISH_RUN: Final = "UPDATE runs SET report = ?, finished_us = ? WHERE run_id = ?"
_UNIT: Final = "SELECT begun, done FROM units WHERE run_id = ? AND unit = ?"
_BEGIN_UNIT: Final = "INSERT INTO units (run_id, unit, begun) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_FINISH_UNIT: Final = """
    INSERT INTO units (run_id, unit, done) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET begun = NULL, done = excluded.done"""
_DRAFTS: Final = "SELECT key, text FROM drafts WHERE run_id = ?"
_SAVE_DRAFT: Final = "INSERT INTO drafts (run_id, key, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_BLOCKS: Final = "SELECT block, pairs FROM blocks WHERE run_id = ? AND key = ?"
_SAVE_BLOCK: Final = (
    "INSERT INTO blocks (run_id, key, block, pairs) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_FORGET_BLOCKS: Final = "DELETE FROM blocks WHERE run_id = ?"
_FORGET_UNITS: Final = "DELETE FROM units WHERE run_id = ?"
_FORGET_DRAFTS: Final = "DELETE FROM drafts WHERE run_id = ?"
_PURGE: Final = """
    DELETE FROM runs WHERE finished_us < ? AND report IS NOT NULL AND user_id IS coalesce(?, user_id)"""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as begun.

    Args:
        run_id: Usually the job's id.
        job: Name of the lifecycle job.
        as_of_us: The clock reading that all attempts decide by.
        report: The finished report, or None while the run is not finished.
        resumed: Whether an earlier attempt began it.
    """

    run_id: str
    job: str
    as_of_us: int
    report: dict[str, Any] | None
    resumed: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of a unit of a run.

    Args:
        begun: What was stored before the first edit: the plan, and what belongs to it.
        done: What the unit came to, once it is finished.
    """

    begun: dict[str, Any] | None
    done: dict[str, Any] | None


class JournalFile(SqliteFile):
    """The journal's verbs, over a file that has its tables."""

    async def begin_run(self, run_id: str, job: str, as_of_us: int, user_id: str | None = None) -> Run:
        """Begin a run, or find the one begun before.

        Args:
            run_id: The run.
            job: Name of the job.
            as_of_us: Clock reading to use if the run is new; an earlier attempt's reading wins.
            user_id: Whose memories it is about, None for all.

        Raises:
            InvalidArgument: The id belongs to a run of another job.
        """

        def work(connection: sqlite3.Connection) -> Run:
            fresh = connection.execute(_BEGIN_RUN, (run_id, job, as_of_us, user_id)).rowcount
            found, begun_us, report = connection.execute(_RUN, (run_id,)).fetchone()
            if found != job:
                raise InvalidArgument("run_id", f"{run_id!r} is a run of {found}, not of {job}")
            return Run(run_id, job, begun_us, decode(report), resumed=not fresh)

        return await self.write(work)

    async def find_run(self, run_id: str) -> Run | None:
        """The run, or None."""

        def work(connection: sqlite3.Connection) -> Run | None:
            row = connection.execute(_RUN, (run_id,)).fetchone()
            return None if row is None else Run(run_id, row[0], row[1], decode(row[2]), resumed=True)

        return await self.read(work)

    async def list_runs(self, limit: int = 100) -> list[Run]:
        """The latest runs by clock reading, latest first."""

        def work(connection: sqlite3.Connection) -> list[Run]:
            rows = connection.execute(_RUNS, (limit,))
            return [Run(run_id, job, us, decode(text), resumed=True) for run_id, job, us, text in rows]

        return await self.read(work)

    async def load_unit(self, run_id: str, unit: str) -> Unit:
        """What earlier attempts stored about a unit."""

        def work(connection: sqlite3.Connection) -> Unit:
            row = connection.execute(_UNIT, (run_id, unit)).fetchone()
            return Unit(None, None) if row is None else Unit(decode(row[0]), decode(row[1]))

        return await self.read(work)

    async def begin_unit(self, run_id: str, unit: str, begun: Mapping[str, Any]) -> None:
        """Store a unit's plan before its first edit; one stored before stays."""
        await self._store_unit(run_id, _BEGIN_UNIT, (run_id, unit, encode(begun)))

    async def finish_unit(self, run_id: str, unit: str, done: Mapping[str, Any]) -> None:
        """A unit is finished; ``done`` is handed to later attempts."""
        await self._store_unit(run_id, _FINISH_UNIT, (run_id, unit, encode(done)))

    async def _store_unit(self, run_id: str, statement: str, parameters: tuple[Any, ...]) -> None:
        """Store a unit; the blocks that it was joined from have served."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(statement, parameters)
            connection.execute(_FORGET_BLOCKS, (run_id,))

        await self.write(work)

    async def save_block(self, run_id: str, key: str, block: int, pairs: bytes) -> None:
        """Keep a finished block of a join until its unit has a plan."""
        await self._execute(_SAVE_BLOCK, (run_id, key, block, pairs))

    async def load_blocks(self, run_id: str, key: str) -> dict[int, bytes]:
        """The finished blocks of a join, by number."""
        return await self.read(lambda connection: dict(connection.execute(_BLOCKS, (run_id, key)).fetchall()))

    async def save_draft(self, run_id: str, key: str, text: str) -> None:
        """Keep a summary until the run is finished."""
        await self._execute(_SAVE_DRAFT, (run_id, key, text))

    async def load_drafts(self, run_id: str) -> dict[str, str]:
        """Summaries kept for this run, by cluster."""
        return await self.read(lambda connection: dict(connection.execute(_DRAFTS, (run_id,)).fetchall()))

    async def finish_run(self, run_id: str, report: Mapping[str, Any], now_us: int) -> None:
        """Store the report and drop what was only kept for resuming.

        Args:
            run_id: The run.
            report: Of it.
            now_us: The time now, from which `purge_runs` counts.
        """
        text = encode(report)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_FINISH_RUN, (text, now_us, run_id))
            connection.execute(_FORGET_UNITS, (run_id,))
            connection.execute(_FORGET_DRAFTS, (run_id,))
            connection.execute(_FORGET_BLOCKS, (run_id,))

        await self.write(work)

    async def count_edits(self, run_id: str) -> dict[str, int]:
        """Operations carried out by kind (an operation of several edits counts once)."""
        return await self.read(partial(count_by_kind, run_id=run_id))

    async def list_edits(
        self, run_id: str, *, after: str = "", limit: int = _PAGE, kind: str | None = None
    ) -> list[LoggedEdit]:
        """Edits carried out, by memory id.

        Args:
            run_id: The run.
            after: Memory id of the last one seen.
            limit: Most rows.
            kind: Only the first edit of each operation of this kind.
        """
        return await self.read(partial(list_rows, run_id=run_id, after=after, kind=kind, limit=limit))

    async def deleted_memories(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Those of some memories that a run deleted and that were not restored -> what they were."""
        return await self.read(partial(deletions, ids=list(ids)))

    async def purge_runs(self, before_us: int, user_id: str | None = None) -> int:
        """Drop runs that were finished before a time, and with them the possibility to undo them.

        Args:
            before_us: The time; what clock reading they decided by does not matter.
            user_id: Only runs that were about this user alone; None for all runs.

        Returns:
            How many runs. Unfinished ones stay, however old.
        """
        return await self._execute(_PURGE, (before_us, user_id))

    async def _execute(self, statement: str, parameters: tuple[Any, ...]) -> int:
        """One statement in a transaction of its own; returns how many rows it changed."""
        return await self.write(lambda connection: connection.execute(statement, parameters).rowcount)


class SqliteJournal(JournalFile):
    """A journal in a file of its own, for repositories that keep none.

    Args:
        path: The file; created when missing.
    """

    application_id = 0x4B4A4F55
    schemas = ("journal_schema.sql", "blocks_schema.sql", "runs_schema.sql")
    what = "journal of memory jobs"
