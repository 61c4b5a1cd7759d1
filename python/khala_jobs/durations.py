"""Durations and instants as people write them, turned into the milliseconds the core works with."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from .errors import InvalidArgument
from .shown import shown

Duration = float | timedelta | str
"""Seconds as a number, a ``timedelta``, or text such as ``"250ms"``, ``"10m"`` or ``"1h30m"``."""

# Ten years: anything larger is seconds given as milliseconds. The core has the same limit (base/limits.hpp).
DURATION_MAX_MS: Final = 10 * 365 * 24 * 3600 * 1000

_UNITS_MS: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(value: Duration | object, field: str) -> int:
    """A duration in whole milliseconds, rounded to the nearest.

    Args:
        value: Seconds (``int`` or ``float``), a ``timedelta``, or text: numbers with the units ms, s, m, h,
            d, w.
        field: Name of the argument, for the error.

    Raises:
        InvalidArgument: It is no duration, negative, not finite, or longer than ten years.
    """
    if isinstance(value, str):
        milliseconds = _parse(value, field)
    elif isinstance(value, timedelta):
        milliseconds = value / timedelta(milliseconds=1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        milliseconds = value * 1000.0 if abs(value) < DURATION_MAX_MS else _beyond(value)
    else:
        raise InvalidArgument(
            field, f'expected seconds, a timedelta or text such as "10m", got {type(value).__name__}'
        )
    if math.isnan(milliseconds):
        raise InvalidArgument(field, "not a number")
    if milliseconds < 0:
        raise InvalidArgument(field, f"{shown(value)} is negative")
    if milliseconds > DURATION_MAX_MS:
        raise InvalidArgument(field, f"{shown(value)} is longer than ten years, the limit")
    return round(milliseconds)


def number_in(text: str) -> float | None:
    """The number that a text is, which came from where there is nothing but text; ``None``: it has a unit."""
    stripped = text.strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else None


def _beyond(seconds: float) -> float:
    """What is too large for arithmetic with floats, as a float."""
    if seconds != seconds:  # noqa: PLR0124 - not a number
        return math.nan
    return math.inf if seconds > 0 else -math.inf


def _parse(text: str, field: str) -> float:
    total, position = 0.0, 0
    signed = text.strip()
    stripped = signed.removeprefix("-").lstrip()  # no duration either, but for a reason of its own
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            break
        total += float(part[1]) * _UNITS_MS[part[2]]
        position = part.end()
    if not stripped or position != len(stripped):
        raise InvalidArgument(
            field, f'{shown(text)} is no duration: write numbers with units, such as "90s", "10m" or "1h30m"'
        )
    return total if stripped == signed else -total


def instant_ms(value: datetime, field: str) -> int:
    """A point in time as UTC milliseconds since 1970.

    Raises:
        InvalidArgument: It is no datetime, or has no time zone (which hour it means would then depend on the
            machine that reads it).
    """
    if not isinstance(value, datetime):
        raise InvalidArgument(field, f"expected a datetime with a time zone, got {type(value).__name__}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise InvalidArgument(field, "the datetime has no time zone: use datetime.now(UTC) or zoneinfo")
    milliseconds = (value - _EPOCH) // timedelta(milliseconds=1)
    if milliseconds < 0:
        raise InvalidArgument(field, "the datetime is before 1970")
    return milliseconds


def to_datetime(milliseconds: int) -> datetime | None:
    """UTC milliseconds as an aware datetime; 0 means "not set" and gives ``None``."""
    return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None


def to_timedelta(milliseconds: int) -> timedelta | None:
    """Milliseconds as a ``timedelta``; 0 means "not set" and gives ``None``."""
    return timedelta(milliseconds=milliseconds) if milliseconds else None
