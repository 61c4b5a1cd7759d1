"""Moments as memories keep them: integer microseconds since 1970, UTC (model.py says why not milliseconds)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["FIRST_US", "LAST_US", "format_time", "parse_time", "time_to_us", "us_to_time"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The first moment of the year 1."""
LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The last moment of the year 9999."""


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
    us = time_to_us(datetime.fromisoformat(text.upper()))
    if not FIRST_US <= us <= LAST_US:
        raise ValueError(f"{text!r} is outside the years 1 to 9999 in UTC")
    return us


def format_time(value: int) -> str:
    """RFC 3339 in UTC of microseconds since 1970, with as many fractional digits as needed (0, 3 or 6)."""
    spec = "seconds" if value % 1_000_000 == 0 else "milliseconds" if value % 1_000 == 0 else "microseconds"
    return us_to_time(value).isoformat(timespec=spec).replace("+00:00", "Z")
