"""The memory value that every part of the lifecycle agrees on.

A `Memory` is immutable: planners read it, and what they want changed is a `Plan` (plan.py) of field changes,
never an edited object. The embedded repository stores it as it is; a memory of another repository (KHALA's,
say) is translated by a codec (codec.py), so that planners, rules and reports know one vocabulary only.

Rules:

* Times are integer **microseconds** since 1970, UTC, suffix ``_us``. (Jobs count milliseconds; memories do
  not, because KHALA's ages come from datetimes with microseconds and the decay formula has to agree with them
  to the last bit.)
* ``embedding`` is float32, one-dimensional, finite and not the zero vector, or it is None.
* ``content_hash`` is the SHA-256 of the *normalised* content, see `normalise_content`.
* A **pinned** memory is never changed, merged, archived or deleted by any lifecycle job.
* ``archived`` hides a memory and keeps it; only the cleanup job deletes.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from khala_jobs.errors import InvalidArgument

from .times import FIRST_US, LAST_US

__all__ = [
    "FIELD_NAMES",
    "NEXT_TIER",
    "BadMemory",
    "Json",
    "Memory",
    "Tier",
    "Vector",
    "check_vector",
    "content_digest",
    "normalise_content",
]

Vector = npt.NDArray[np.float32]
Json = None | bool | int | float | str | list[Any] | dict[str, Any]

_MAX_COUNT: Final = 2**53
_BLANKS: Final = re.compile(r"[^\S\n]+")


class BadMemory(InvalidArgument):
    """A field of a memory cannot be what it is: ``field`` names it, ``message`` says why, in one clause."""


class Tier(StrEnum):
    """Tiers of KHALA's three-tier memory, and its scratchpad."""

    WORKING = "working"
    SHORT_TERM = "short_term"
    LONG_TERM = "long_term"
    SCRATCHPAD = "scratchpad"


NEXT_TIER: Final[Mapping[Tier, Tier]] = {Tier.WORKING: Tier.SHORT_TERM, Tier.SHORT_TERM: Tier.LONG_TERM}
"""Where a promotion leads; long_term and scratchpad lead nowhere."""


def normalise_content(text: str) -> str:
    """The form under which two contents count as the same text.

    Unicode NFC; every line end becomes a newline; blanks at line ends and blank lines at both ends go; a run
    of blanks inside a line becomes one space. Letter case, punctuation, the indentation of lines after the
    first and the order of everything stay: they can carry meaning (``US``/``us``, YAML).
    """
    lines = unicodedata.normalize("NFC", text).splitlines()
    out: list[str] = []
    for line in lines:
        body = line.strip()
        indent = line[: len(line) - len(line.lstrip())] if body else ""
        out.append(indent + _BLANKS.sub(" ", body))
    return "\n".join(out).strip()


def content_digest(text: str) -> str:
    """SHA-256 (hex) of the normalised content."""
    return hashlib.sha256(normalise_content(text).encode()).hexdigest()


def check_vector(values: object) -> Vector:
    """A usable embedding out of a sequence of numbers.

    Args:
        values: Any one-dimensional sequence or array of numbers.

    Returns:
        Read-only, C-contiguous float32 copy or view.

    Raises:
        BadMemory: Not numbers, not one-dimensional, empty, not finite in float32, or of length zero.
    """
    try:
        given = np.asarray(values)
        with np.errstate(over="ignore"):  # what is too large for float32 is infinite, and refused below
            vector = None if given.dtype.kind in "bcSUmM" else np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadMemory("embedding", "not a list of numbers") from error
    if vector is None:
        raise BadMemory("embedding", f"not a list of numbers but of {given.dtype}")
    if given.ndim != 1:
        raise BadMemory("embedding", "not one-dimensional")
    if vector.size == 0:
        raise BadMemory("embedding", "empty")
    if not np.isfinite(vector).all():
        raise BadMemory("embedding", "holds NaN or infinity")
    if not vector.any():
        raise BadMemory("embedding", "is the zero vector, which has no direction")
    view = vector.view()
    view.flags.writeable = False
    return view


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadMemory(name, "not a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadMemory(name, "not valid Unicode (a lone surrogate)") from None
    return value


def _name(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadMemory(name, "empty or not a text")
    return _text(name, value)


def _optional_text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise BadMemory(name, "neither a text nor None")
    return value


def _tier(name: str, value: object) -> Tier:
    try:
        return Tier(value)  # type: ignore[arg-type]
    except ValueError:
        raise BadMemory(name, f"{value!r} is none of {', '.join(Tier)}") from None


def _unit(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadMemory(name, f"{value!r} is not a finite number")
    if not 0.0 <= value <= 1.0:
        raise BadMemory(name, f"{value!r} is outside 0..1")
    return float(value)


def _integer(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadMemory(name, f"{value!r} is not an integer")
    return value


def _count(name: str, value: object) -> int:
    count = _integer(name, value)
    if count < 0:
        raise BadMemory(name, f"{count} is negative")
    if count > _MAX_COUNT:
        raise BadMemory(name, f"{count} is more than {_MAX_COUNT}")
    return count


def _moment(name: str, value: object) -> int:
    us = _integer(name, value)
    if not FIRST_US <= us <= LAST_US:
        raise BadMemory(name, f"{us} is outside the years 1 to 9999")
    return us


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadMemory(name, f"{value!r} is neither True nor False")
    return value


def _vector(_: str, value: object) -> Vector:
    return check_vector(_decoded(value) if isinstance(value, str) else value)


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise BadMemory(name, "not a list of texts")
    return tuple(value)


def _object(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadMemory(name, "not an object")
    return value


def _or_none(check: Callable[[str, object], object]) -> Callable[[str, object], object]:
    return lambda name, value: None if value is None else check(name, value)


def _decoded(text: str) -> Vector:
    """The vector that `Memory.field_json` wrote."""
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    except ValueError as error:
        raise BadMemory("embedding", f"not base64 of float32: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """One memory.

    Args:
        id: Opaque, unique in the repository.
        user_id: Owner; nothing is ever compared across owners.
        content: The text; may be empty, and is then left out of deduplication and consolidation.
        scope: Second isolation key within the user (project, agent), or None.
        model_id: Which model made the embedding; vectors are compared under one model only.
        tier: See `Tier`.
        importance: 0..1, the base that decay is computed from.
        access_count: Times it was read.
        created_us: Creation time.
        updated_us: Last change of content, tier or archive state.
        accessed_us: Last read.
        expires_us: Past this moment the cleanup job may delete it; None for never.
        decay_score: 0..1 as last computed, or None.
        archived: Hidden, but kept.
        pinned: Exempt from every lifecycle job.
        duplicate_of: Id of the memory that this one was merged into.
        consolidated_into: Id of the memory that summarises this one.
        consolidated_from: Ids of the memories that this one summarises.
        duplicate_flag: What a flagging deduplication found: ``{"of", "cosine", "kind"}``, or None.
        verification_score: 0..1.
        confidence: 0..1.
        embedding: float32 [d] or None.
        metadata: JSON-able fields of the application; lifecycle jobs never read them.
        content_hash: Computed when left empty.
    """

    id: str
    user_id: str
    content: str
    scope: str | None = None
    model_id: str | None = None
    tier: Tier = Tier.WORKING
    importance: float = 0.5
    access_count: int = 0
    created_us: int = 0
    updated_us: int = 0
    accessed_us: int = 0
    expires_us: int | None = None
    decay_score: float | None = None
    archived: bool = False
    pinned: bool = False
    duplicate_of: str | None = None
    consolidated_into: str | None = None
    consolidated_from: tuple[str, ...] = ()
    duplicate_flag: Mapping[str, Any] | None = None
    verification_score: float = 0.0
    confidence: float = 1.0
    embedding: Vector | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    content_hash: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name, check in _CHECKS.items():
            put(self, name, check(name, getattr(self, name)))
        if not self.content_hash:
            put(self, "content_hash", content_digest(self.content))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Memory):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.id)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some fields replaced, values as in `to_json`; only those are checked.

        Raises:
            BadMemory: A field does not exist or its value is wrong.
        """
        values = {name: getattr(self, name) for name in FIELD_NAMES}
        for name, value in changes.items():
            if name not in values:
                raise BadMemory(name, "no such field")
            values[name] = _CHECKS[name](name, value)
        if "content" in changes:
            values["content_hash"] = content_digest(values["content"])
        return self.unchecked(values)

    @classmethod
    def unchecked(cls, values: Mapping[str, Any]) -> Self:
        """A memory of values that were checked before, every field given: rows that were stored, for example."""
        memory = object.__new__(cls)
        put = object.__setattr__
        for name in FIELD_NAMES:
            put(memory, name, values[name])
        return memory

    def field_json(self, name: str) -> Json:
        """One field as `to_json` gives it."""
        value = getattr(self, name)
        if name == "embedding":
            return None if value is None else base64.b64encode(value.astype("<f4").tobytes()).decode()
        if name == "tier":
            return str(value)
        if name == "consolidated_from":
            return list(value)
        if isinstance(value, Mapping):
            return dict(value)
        return value  # type: ignore[no-any-return]

    def to_json(self) -> dict[str, Json]:
        """Every field as JSON values; the embedding as base64 of little-endian float32."""
        return {name: self.field_json(name) for name in FIELD_NAMES}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The memory that `to_json` described.

        Raises:
            BadMemory: A field is unknown or wrong.
        """
        unknown = set(values) - set(FIELD_NAMES)
        if unknown:
            raise BadMemory(min(unknown), "no such field")
        return cls(**values)


FIELD_NAMES: Final = tuple(f.name for f in fields(Memory))

_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "id": _name,
    "user_id": _name,
    "content": _text,
    "scope": _optional_text,
    "model_id": _optional_text,
    "tier": _tier,
    "importance": _unit,
    "access_count": _count,
    "created_us": _moment,
    "updated_us": _moment,
    "accessed_us": _moment,
    "expires_us": _or_none(_moment),
    "decay_score": _or_none(_unit),
    "archived": _flag,
    "pinned": _flag,
    "duplicate_of": _optional_text,
    "consolidated_into": _optional_text,
    "consolidated_from": _texts,
    "duplicate_flag": _or_none(_object),
    "verification_score": _unit,
    "confidence": _unit,
    "embedding": _or_none(_vector),
    "metadata": _object,
    "content_hash": _text,
}
