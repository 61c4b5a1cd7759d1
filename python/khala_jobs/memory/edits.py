"""Rows of the operation log: one an edit, keyed by (run id, memory id)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import orjson

from .model import Json
from .plan import Edit, Operation

__all__ = [
    "LoggedEdit",
    "count_by_kind",
    "decode",
    "deletions",
    "drop_intents",
    "edited_ids",
    "encode",
    "list_rows",
    "log_edits",
    "mark_applied",
    "mark_undone",
    "operations_to_undo",
]


def encode(value: object) -> str:
    """JSON text."""
    return orjson.dumps(value).decode()


def decode(text: str | None) -> Any:
    """The value of `encode`; None for None."""
    return None if text is None else orjson.loads(text)


@dataclass(frozen=True, slots=True)
class LoggedEdit:
    """One row of the log.

    Args:
        run_id: The run.
        memory_id: The memory.
        operation: Subject of the operation that the edit is part of.
        kind: Kind of the operation.
        action: ``create``, ``update`` or ``delete``.
        before: The edited fields before (``update``), the whole memory (``delete``), or None.
        after: The edited fields after, the whole memory (``create``), or None.
        reason: Of the operation.
        details: Of the operation.
        applied: False while it is only written down.
        undone_us: When it was undone.
    """

    run_id: str
    memory_id: str
    operation: str
    kind: str
    action: str
    before: dict[str, Json] | None
    after: dict[str, Json] | None
    reason: str
    details: dict[str, Json]
    applied: bool
    undone_us: int | None

    @classmethod
    def of(
        cls,
        run_id: str,
        operation: Operation,
        edit: Edit,
        before: Mapping[str, Json] | None,
        *,
        applied: bool,
    ) -> Self:
        """The row for an edit about to be made, or just made."""
        return cls(
            run_id=run_id,
            memory_id=edit.memory_id,
            operation=operation.memory_id,
            kind=str(operation.kind),
            action=edit.action,
            before=None if before is None else dict(before),
            after=None if edit.action == "delete" else dict(edit.values),
            reason=operation.reason,
            details=dict(operation.details),
            applied=applied,
            undone_us=None,
        )


_COLUMNS: Final = (
    "run_id, memory_id, operation, kind, action, before, after, reason, details, applied, undone_us"
)

_KNOWN: Final = """
    SELECT memory_id, applied FROM edits WHERE run_id = ? AND memory_id IN (SELECT value FROM json_each(?))"""
_INSERT: Final = f"""
    INSERT INTO edits ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id, memory_id) DO NOTHING"""  # noqa: S608 - constant names, here and below
_MARK: Final = "UPDATE edits SET applied = 1 WHERE run_id = ? AND memory_id = ?"
_DROP: Final = "DELETE FROM edits WHERE run_id = ? AND memory_id = ? AND applied = 0"
_UNDONE: Final = "UPDATE edits SET undone_us = ? WHERE run_id = ? AND operation = ?"
_DELETED: Final = """
    SELECT memory_id, before FROM edits WHERE run_id IN (SELECT run_id FROM runs)
    AND memory_id IN (SELECT value FROM json_each(?)) AND action = 'delete' AND applied = 1 AND undone_us IS NULL"""
_TO_UNDO: Final = """
    SELECT DISTINCT operation FROM edits
    WHERE run_id = ? AND operation > ? AND applied = 1 AND undone_us IS NULL ORDER BY operation LIMIT ?"""
_OF_OPERATION: Final = f"""
    SELECT {_COLUMNS} FROM edits WHERE run_id = ? AND operation = ? AND applied = 1 ORDER BY memory_id"""  # noqa: S608
_COUNT: Final = """
    SELECT kind, count(*) FROM edits
    WHERE run_id = ? AND applied = 1 AND memory_id = operation GROUP BY kind"""
_LIST: Final = f"""
    SELECT {_COLUMNS} FROM edits WHERE run_id = :run_id AND memory_id > :after AND applied = 1
    AND (:kind IS NULL OR (memory_id = operation AND kind = :kind)) ORDER BY memory_id LIMIT :limit"""  # noqa: S608


def _edit_of(row: Sequence[Any]) -> LoggedEdit:
    run_id, memory_id, operation, kind, action, before, after, reason, details, applied, undone_us = row
    return LoggedEdit(
        run_id=run_id,
        memory_id=memory_id,
        operation=operation,
        kind=kind,
        action=action,
        before=decode(before),
        after=decode(after),
        reason=reason,
        details=decode(details),
        applied=bool(applied),
        undone_us=undone_us,
    )


def _row_of(edit: LoggedEdit) -> tuple[Any, ...]:
    before = None if edit.before is None else encode(edit.before)
    after = None if edit.after is None else encode(edit.after)
    key = edit.run_id, edit.memory_id, edit.operation, edit.kind, edit.action
    return *key, before, after, edit.reason, encode(edit.details), int(edit.applied), edit.undone_us


def edited_ids(connection: sqlite3.Connection, run_id: str, ids: Iterable[str]) -> dict[str, bool]:
    """Which of these memories the run has in its log -> whether the edit was carried out."""
    rows = connection.execute(_KNOWN, (run_id, encode(list(ids))))
    return {memory_id: bool(applied) for memory_id, applied in rows}


def deletions(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, Any]:
    """Those of some memories that runs deleted -> what they were, as `Memory.to_json`."""
    rows = connection.execute(_DELETED, (encode(list(ids)),))
    return {memory_id: decode(before) for memory_id, before in rows if before is not None}


def log_edits(connection: sqlite3.Connection, edits: Iterable[LoggedEdit]) -> None:
    """Add rows; an edit already there (of an attempt that was killed) keeps its first before-image."""
    connection.executemany(_INSERT, [_row_of(edit) for edit in edits])


def mark_applied(connection: sqlite3.Connection, run_id: str, ids: Iterable[str]) -> None:
    """The edits of these memories were carried out."""
    connection.executemany(_MARK, [(run_id, memory_id) for memory_id in ids])


def drop_intents(connection: sqlite3.Connection, run_id: str, ids: Iterable[str]) -> None:
    """The edits of these memories were not carried out after all."""
    connection.executemany(_DROP, [(run_id, memory_id) for memory_id in ids])


def mark_undone(connection: sqlite3.Connection, run_id: str, operation: str, now_us: int) -> None:
    """All edits of an operation were undone."""
    connection.execute(_UNDONE, (now_us, run_id, operation))


def operations_to_undo(
    connection: sqlite3.Connection, run_id: str, after: str, limit: int
) -> list[tuple[str, list[LoggedEdit]]]:
    """Operations of a run that were carried out and not undone, in the order of their subjects.

    Args:
        connection: Of the journal.
        run_id: The run.
        after: Subject of the last operation seen, empty for the first page.
        limit: Most operations.
    """
    subjects = connection.execute(_TO_UNDO, (run_id, after, limit)).fetchall()
    return [
        (subject, [_edit_of(row) for row in connection.execute(_OF_OPERATION, (run_id, subject))])
        for (subject,) in subjects
    ]


def count_by_kind(connection: sqlite3.Connection, run_id: str) -> dict[str, int]:
    """Operations carried out, by kind."""
    return dict(connection.execute(_COUNT, (run_id,)).fetchall())


def list_rows(
    connection: sqlite3.Connection, run_id: str, after: str, kind: str | None, limit: int
) -> list[LoggedEdit]:
    """Edits carried out, by memory id; of one kind, only the first edit of each operation."""
    asked = {"run_id": run_id, "after": after, "kind": kind, "limit": limit}
    return [_edit_of(row) for row in connection.execute(_LIST, asked)]
