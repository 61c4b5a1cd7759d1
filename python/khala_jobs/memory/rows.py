"""Memories as rows of the embedded repository, and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from .edits import decode, encode
from .model import Memory, Tier

__all__ = ["COLUMNS", "SELECT", "delete_row", "insert_row", "memory_of", "rows_by_id", "update_row"]

COLUMNS: Final = (
    "id", "user_id", "content", "scope", "model_id", "tier", "importance", "access_count", "created_us",
    "updated_us", "accessed_us", "expires_us", "decay_score", "archived", "pinned", "duplicate_of",
    "consolidated_into", "consolidated_from", "duplicate_flag", "verification_score", "confidence",
    "metadata", "content_hash", "embedding",
)  # fmt: skip
_NAMES: Final = ", ".join(COLUMNS)
SELECT: Final = f"SELECT {_NAMES} FROM memories"  # noqa: S608 - constant names
_BY_ID: Final = f"{SELECT} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
_BY_ID_LIGHT: Final = _BY_ID.replace(", embedding", ", NULL")
_INSERT: Final = f"INSERT INTO memories ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


def memory_of(row: Sequence[Any]) -> Memory:
    """The memory in a row of `SELECT`; it was checked when it was stored."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["tier"] = Tier(values["tier"])
    values["archived"], values["pinned"] = bool(values["archived"]), bool(values["pinned"])
    values["consolidated_from"] = tuple(decode(values["consolidated_from"]))
    values["duplicate_flag"] = decode(values["duplicate_flag"])
    values["metadata"] = decode(values["metadata"])
    if values["embedding"] is not None:  # read-only, as it points into the row's bytes
        values["embedding"] = np.frombuffer(values["embedding"], dtype="<f4").astype(np.float32, copy=False)
    return Memory.unchecked(values)


def _cell(memory: Memory, name: str) -> Any:
    value = getattr(memory, name)
    if name == "embedding":
        return None if value is None else value.astype("<f4", copy=False).tobytes()
    if name == "consolidated_from":
        return encode(list(value))
    if isinstance(value, Mapping):
        return encode(dict(value))
    if isinstance(value, bool):
        return int(value)
    return str(value) if name == "tier" else value


def insert_row(connection: sqlite3.Connection, memory: Memory) -> None:
    """Add a memory.

    Raises:
        sqlite3.IntegrityError: The id exists.
    """
    connection.execute(_INSERT, [_cell(memory, name) for name in COLUMNS])


def update_row(connection: sqlite3.Connection, memory: Memory, names: Iterable[str]) -> None:
    """Write some fields of a memory that exists."""
    chosen = [name for name in COLUMNS if name in set(names)]
    if "content" in chosen:
        chosen.append("content_hash")
    assignments = ", ".join(f"{name} = ?" for name in dict.fromkeys(chosen))
    values = [_cell(memory, name) for name in dict.fromkeys(chosen)]
    connection.execute(f"UPDATE memories SET {assignments} WHERE id = ?", [*values, memory.id])  # noqa: S608


def delete_row(connection: sqlite3.Connection, memory_id: str) -> None:
    """Remove a memory."""
    connection.execute("DELETE FROM memories WHERE id = ?", (memory_id,))


def rows_by_id(
    connection: sqlite3.Connection, ids: Iterable[str], *, vectors: bool = True
) -> dict[str, Memory]:
    """Those of some memories that exist, by id; without ``vectors`` their embeddings are left out."""
    rows = connection.execute(_BY_ID if vectors else _BY_ID_LIGHT, (encode(list(ids)),))
    return {row[0]: memory_of(row) for row in rows}
