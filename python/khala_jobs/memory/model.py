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
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from khala_jobs.errors import InvalidArgument

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
    "format_time",
    "normalise_content",
    "parse_time",
    "time_to_us",
    "us_to_time",
]

Vector = npt.NDArray[np.float32]
Json = None | bool | int | float | str | list[Any] | dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MAX_COUNT: Final = 2**53
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
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


def time_to_us(value: datetime) -> int:
    """Microseconds since 1970 of a datetime; one without a zone is taken as UTC."""
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def us_to_time(value: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=value)


def parse_time(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time.

    Args:
        text: For example ``2024-05-01T12:00:00Z``; the offset is required, digits past the microsecond are
            dropped.

    Raises:
        ValueError: The text is no RFC 3339 time, or no such moment exists.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2024-05-01T12:00:00Z")
    return time_to_us(datetime.fromisoformat(text.upper()))


def format_time(value: int) -> str:
    """RFC 3339 in UTC of microseconds since 1970, with as many fractional digits as needed (0, 3 or 6)."""
    spec = "seconds" if value % 1_000_000 == 0 else "milliseconds" if value % 1_000 == 0 else "microseconds"
    return us_to_time(value).isoformat(timespec=spec).replace("+00:00", "Z")


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
        vector = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadMemory("embedding", "not a list of numbers") from error
    if vector.ndim != 1 or np.ndim(values) != 1:  # type: ignore[arg-type]
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


def _check_unit(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadMemory(name, f"{value!r} is not a finite number")
    if not 0.0 <= value <= 1.0:
        raise BadMemory(name, f"{value!r} is outside 0..1")
    return float(value)


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
        _check_texts(self)
        put = object.__setattr__
        try:
            put(self, "tier", Tier(self.tier))
        except ValueError:
            raise BadMemory("tier", f"{self.tier!r} is none of {', '.join(Tier)}") from None
        for name in ("importance", "verification_score", "confidence"):
            put(self, name, _check_unit(name, getattr(self, name)))
        if self.decay_score is not None:
            put(self, "decay_score", _check_unit("decay_score", self.decay_score))
        _check_integers(self)
        if self.embedding is not None:
            put(self, "embedding", check_vector(self.embedding))
        put(self, "consolidated_from", tuple(self.consolidated_from))
        if not self.content_hash:
            put(self, "content_hash", content_digest(self.content))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Memory):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.id)

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some fields replaced, values as in `to_json`.

        Raises:
            BadMemory: A field does not exist or its value is wrong.
        """
        for name in changes:
            if name not in FIELD_NAMES:
                raise BadMemory(name, "no such field")
        values = dict(changes)
        if "embedding" in values:
            values["embedding"] = _decode_vector(values["embedding"])
        if "content" in values and "content_hash" not in values:
            values["content_hash"] = ""
        return replace(self, **values)

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
        return cls(**{**values, "embedding": _decode_vector(values.get("embedding"))})


FIELD_NAMES: Final = tuple(f.name for f in fields(Memory))


def _decode_vector(value: object) -> Vector | None:
    if value is None or isinstance(value, np.ndarray):
        return value
    if not isinstance(value, str):
        raise BadMemory("embedding", "neither base64 nor an array")
    return np.frombuffer(base64.b64decode(value), dtype="<f4").astype(np.float32)


def _check_texts(memory: Memory) -> None:
    for name in ("id", "user_id"):
        value = getattr(memory, name)
        if not isinstance(value, str) or not value.strip():
            raise BadMemory(name, "empty or not a text")
    if not isinstance(memory.content, str):
        raise BadMemory("content", "not a text")
    for name in ("id", "user_id", "content"):
        if not _is_unicode(getattr(memory, name)):
            raise BadMemory(name, "not valid Unicode (a lone surrogate)")
    for name in ("scope", "model_id", "duplicate_of", "consolidated_into"):
        value = getattr(memory, name)
        if value is not None and not isinstance(value, str):
            raise BadMemory(name, "neither a text nor None")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_integers(memory: Memory) -> None:
    for name in ("access_count", "created_us", "updated_us", "accessed_us", "expires_us"):
        value = getattr(memory, name)
        if name == "expires_us" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadMemory(name, f"{value!r} is not an integer")
        if name.endswith("_us") and not _FIRST_US <= value <= _LAST_US:
            raise BadMemory(name, f"{value} is outside the years 1 to 9999")
    if memory.access_count < 0:
        raise BadMemory("access_count", f"{memory.access_count} is negative")
    if memory.access_count > _MAX_COUNT:
        raise BadMemory("access_count", f"{memory.access_count} is more than {_MAX_COUNT}")
