"""What became of an operation, and the checks before it is made or taken back."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Literal

from .edits import LoggedEdit
from .model import Json, Memory
from .plan import Operation

__all__ = ["Outcome", "UndoOutcome", "broken_expectation", "drifted"]

# Reads and scoring go on after a memory was created; they do not make it another memory.
_DRIFTING: Final = frozenset({"access_count", "accessed_us", "decay_score"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one operation.

    Args:
        memory_id: Its subject.
        status: ``applied``; ``already``: an earlier attempt of the run did it; ``stale``: what it rested on
            has changed; ``failed``.
        reason: Why, for ``stale`` and ``failed``.
    """

    memory_id: str
    status: Literal["applied", "already", "stale", "failed"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UndoOutcome:
    """Of undoing one operation.

    Args:
        memory_id: Its subject.
        restored: Whether all its edits were taken back.
        memories: How many memories it had edited.
        conflicts: What stood in the way, one clause a memory.
    """

    memory_id: str
    restored: bool
    memories: int
    conflicts: tuple[str, ...]


def _differs(memory: Memory, name: str, expected: Json) -> str | None:
    actual = memory.field_json(name)
    return (
        None if actual == expected else f"{name} of {memory.id} is {_short(actual)}, not {_short(expected)}"
    )


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def broken_expectation(operation: Operation, find: Callable[[str], Memory | None]) -> str | None:
    """Why an operation must not be made any more, or None."""
    for edit in operation.edits:
        memory = find(edit.memory_id)
        if edit.action == "create":
            if memory is not None:
                return f"{edit.memory_id} exists already"
            continue
        if memory is None:
            return f"{edit.memory_id} is gone"
        for name, expected in edit.expect.items():
            if (why := _differs(memory, name, expected)) is not None:
                return why
    for memory_id, fields in operation.require.items():
        other = find(memory_id)
        if other is None:
            return f"{memory_id}, which it refers to, is gone"
        for name, expected in fields.items():
            if (why := _differs(other, name, expected)) is not None:
                return why
    return None


def drifted(edit: LoggedEdit, memory: Memory | None, ignore: AbstractSet[str] = frozenset()) -> str | None:
    """Why an edit cannot be taken back (its memory was touched since), or None.

    Args:
        edit: The edit, as logged.
        memory: The memory now.
        ignore: Fields that the repository changes by itself.
    """
    if edit.action == "delete":
        return None if memory is None else f"{edit.memory_id} exists again"
    if memory is None:
        return f"{edit.memory_id} is gone"
    for name, value in (edit.after or {}).items():
        if name in ignore or (edit.action == "create" and name in _DRIFTING):
            continue
        if (why := _differs(memory, name, value)) is not None:
            return why
    return None
