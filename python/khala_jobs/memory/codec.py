"""Between memories of another repository and the `Memory` that planners know.

Reading is by attribute, in KHALA's names: required are those of `ports.MemoryPort`; ``embedding``, ``scope``,
``verification_score`` and ``confidence`` are read where they exist; what KHALA keeps in ``metadata``
(``pinned``, ``expires_at``, ``duplicate_of``, ``consolidated_into``, ``consolidated_from``,
``duplicate_flag``) is read from there.

Writing makes a changed *copy* with the application's own types: the tier is a member of the same enum, a
score an instance of the same class. What `Memory` does not know (tags, versions, location) stays as it is.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from .model import BadMemory, Memory, check_vector
from .plan import Issue
from .times import parse_time, time_to_us, us_to_time

__all__ = ["DecayedScore", "MemoryView", "new_memory", "read_memory", "view_of", "write_memory"]

_IN_METADATA: Final = ("duplicate_of", "consolidated_into", "consolidated_from", "duplicate_flag")
_LIFTED: Final = frozenset({*_IN_METADATA, "pinned", "expires_at"})


@dataclass(frozen=True, slots=True)
class DecayedScore:
    """Stands for KHALA's `DecayScore` where the application has no such class."""

    value: float
    half_life_days: float = 30.0


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any


class MemoryView:
    """A `Memory` in KHALA's shape, for services that were written for that.

    Args:
        memory: What is shown.
        as_of_us: The moment that ages are counted to.
    """

    def __init__(self, memory: Memory, as_of_us: int) -> None:
        self._memory = memory
        self._as_of_us = as_of_us
        self.id = memory.id
        self.user_id = memory.user_id
        self.content = memory.content
        self.tier = memory.tier
        self.importance = _Value(memory.importance)
        self.scope = memory.scope
        self.category = memory.metadata.get("category")
        self.metadata = dict(memory.metadata)
        self.access_count = memory.access_count
        self.verification_score = memory.verification_score
        self.confidence = memory.confidence
        self.is_archived = memory.archived
        self.decay_score = None if memory.decay_score is None else DecayedScore(memory.decay_score)
        self.created_at = us_to_time(memory.created_us)
        self.updated_at = us_to_time(memory.updated_us)
        self.accessed_at = us_to_time(memory.accessed_us)

    def get_age_hours(self) -> float:
        """Hours since creation, never negative."""
        return max(self._as_of_us - self._memory.created_us, 0) / 1e6 / 3600.0

    _get_age_hours = get_age_hours


def view_of(native: object, memory: Memory, as_of_us: int) -> object:
    """What a memory service is called with: the application's own object, or a view of ours."""
    return MemoryView(memory, as_of_us) if isinstance(native, Memory) else native


def read_memory(native: Any) -> tuple[Memory, list[Issue]]:
    """The `Memory` that an object stands for.

    Args:
        native: A `Memory` (returned as it is) or an object of the shape of `ports.MemoryPort`.

    Returns:
        The memory and what could not be used of it: a vector with NaN leaves a memory without a vector, not
        none.

    Raises:
        BadMemory: A field that cannot be left out is wrong.
    """
    if isinstance(native, Memory):
        return native, []
    metadata: Mapping[str, Any] = getattr(native, "metadata", None) or {}
    issues: list[Issue] = []
    memory_id = _attribute(native, "id")
    model, vector = None, None
    wrapped = getattr(native, "embedding", None)
    if wrapped is not None:
        model = _model_of(wrapped)
        try:
            vector = check_vector(getattr(wrapped, "values", wrapped))
        except BadMemory as error:
            issues.append(Issue(str(memory_id), "embedding", error.message))
    decay = getattr(native, "decay_score", None)
    memory = Memory(
        id=memory_id,
        user_id=_attribute(native, "user_id"),
        content=_attribute(native, "content"),
        scope=getattr(native, "scope", None),
        model_id=model,
        tier=_valued(native, "tier"),
        importance=_valued(native, "importance"),
        access_count=_attribute(native, "access_count"),
        created_us=_time(native, "created_at"),
        updated_us=_time(native, "updated_at"),
        accessed_us=_time(native, "accessed_at"),
        expires_us=_expiry(native, metadata),
        decay_score=None if decay is None else getattr(decay, "value", decay),
        archived=bool(_attribute(native, "is_archived")),
        pinned=bool(metadata.get("pinned", False)),
        duplicate_of=metadata.get("duplicate_of"),
        consolidated_into=metadata.get("consolidated_into"),
        consolidated_from=tuple(metadata.get("consolidated_from") or ()),
        duplicate_flag=metadata.get("duplicate_flag"),
        verification_score=getattr(native, "verification_score", 0.0),
        confidence=getattr(native, "confidence", 1.0),
        embedding=vector,
        metadata={name: value for name, value in metadata.items() if name not in _LIFTED},
    )
    return memory, issues


def write_memory(native: Any, changes: Mapping[str, Any]) -> Any:
    """A copy of an object with some fields changed.

    Args:
        native: As for `read_memory`.
        changes: Fields of `Memory`, values as `Memory.to_json` gives them.

    Raises:
        BadMemory: A field cannot be written to this object.
    """
    if isinstance(native, Memory):
        return native.with_changes(changes)
    values: dict[str, Any] = {}
    metadata = dict(getattr(native, "metadata", None) or {})
    for name, value in changes.items():
        if name in _IN_METADATA:
            if value is None or value == []:
                metadata.pop(name, None)
            else:
                metadata[name] = value
            values["metadata"] = metadata
        elif name in _WRITERS:
            attribute, convert = _WRITERS[name]
            values[attribute] = convert(native, value)
        else:
            raise BadMemory(name, "cannot be written to a memory of this repository")
    return _replaced(native, values)


def new_memory(memory: Memory, like: Any) -> Any:
    """An object of the application for a new memory.

    Args:
        memory: What it is to hold.
        like: An object of the same user, whose class and score classes are used.
    """
    if isinstance(like, Memory):
        return memory
    kind = type(like)
    metadata = dict(memory.metadata)
    for name in _IN_METADATA:
        value = memory.field_json(name)
        if value not in (None, []):
            metadata[name] = value
    values: dict[str, Any] = {
        "id": memory.id,
        "user_id": memory.user_id,
        "content": memory.content,
        "tier": type(like.tier)(str(memory.tier)),
        "importance": type(like.importance)(memory.importance),
        "metadata": metadata,
        "created_at": us_to_time(memory.created_us),
        "updated_at": us_to_time(memory.updated_us),
        "accessed_at": us_to_time(memory.accessed_us),
        "access_count": memory.access_count,
    }
    if memory.expires_us is not None:
        metadata["expires_at"] = us_to_time(memory.expires_us).isoformat()
    optional = {
        "scope": memory.scope,
        "verification_score": memory.verification_score,
        "confidence": memory.confidence,
    }
    values |= {name: value for name, value in optional.items() if hasattr(like, name)}
    wrapped = getattr(like, "embedding", None)
    if memory.embedding is not None and wrapped is not None:
        values["embedding"] = _embedding_like(wrapped, memory.embedding)
    return kind(**values)


def _embedding_like(wrapped: Any, vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Any:
    if not hasattr(wrapped, "values"):
        return vector.tolist()
    fields: dict[str, Any] = {"values": vector.tolist()}
    for name in ("model", "version"):
        if getattr(wrapped, name, None) is not None:
            fields[name] = getattr(wrapped, name)
    return type(wrapped)(**fields)


def _replaced(native: Any, values: Mapping[str, Any]) -> Any:
    if dataclasses.is_dataclass(native) and not isinstance(native, type):
        return dataclasses.replace(native, **values)
    changed = copy.copy(native)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed


def _score(native: Any, value: float | None) -> Any:
    """A decay score in the application's class: the present one's, else that beside the importance class."""
    if value is None:
        return None
    present = getattr(native, "decay_score", None)
    if present is not None and dataclasses.is_dataclass(present) and not isinstance(present, type):
        return dataclasses.replace(present, value=value)
    module = sys.modules.get(type(native.importance).__module__)
    return getattr(module, "DecayScore", DecayedScore)(value)


_WRITERS: Final[Mapping[str, tuple[str, Any]]] = {
    "tier": ("tier", lambda native, value: type(native.tier)(value)),
    "importance": ("importance", lambda native, value: type(native.importance)(value)),
    "decay_score": ("decay_score", _score),
    "archived": ("is_archived", lambda _, value: bool(value)),
    "updated_us": ("updated_at", lambda _, value: us_to_time(value)),
    "content": ("content", lambda _, value: value),
}


def _model_of(wrapped: Any) -> str | None:
    """Model and version: vectors of two versions of a model are not comparable."""
    model, version = getattr(wrapped, "model", None), getattr(wrapped, "version", None)
    return model if version is None else f"{model}@{version}"


def _attribute(native: Any, name: str) -> Any:
    try:
        return getattr(native, name)
    except AttributeError:
        raise BadMemory(name, f"{type(native).__name__} has no such attribute") from None


def _valued(native: Any, name: str) -> Any:
    wrapped = _attribute(native, name)
    return getattr(wrapped, "value", wrapped)


def _time(native: Any, name: str) -> int:
    value = _attribute(native, name)
    if not isinstance(value, datetime):
        raise BadMemory(name, f"{value!r} is not a datetime")
    return time_to_us(value)


def _expiry(native: Any, metadata: Mapping[str, Any]) -> int | None:
    value = getattr(native, "expires_at", None) or metadata.get("expires_at")
    if value is None:
        return None
    if isinstance(value, datetime):
        return time_to_us(value)
    try:
        return parse_time(str(value))
    except ValueError as error:
        raise BadMemory("expires_at", str(error)) from None


def read_memories(natives: Iterable[Any]) -> tuple[list[tuple[Any, Memory]], list[Issue]]:
    """`read_memory` of many; those that cannot be read are issues."""
    read: list[tuple[Any, Memory]] = []
    issues: list[Issue] = []
    for native in natives:
        try:
            memory, found = read_memory(native)
        except BadMemory as error:
            issues.append(Issue(str(getattr(native, "id", "?")), error.field, error.message))
        else:
            read.append((native, memory))
            issues.extend(found)
    return read, issues
