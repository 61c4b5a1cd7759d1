"""Values of files as values of memories: what JSON Lines, NumPy and Parquet have and Python or JSON has not.

Whatever cannot be kept exactly is a `BadMemory` that names the field as the file does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from datetime import time as time_of_day
from typing import Any, Final

import numpy as np
import orjson

from .model import BadMemory
from .times import FIRST_US, LAST_US, format_time, parse_time, time_to_us

__all__ = [
    "checked_embedding",
    "exact_record",
    "json_value",
    "maybe_rounded",
    "moment",
    "read_column",
    "scalar",
]

_DEPTH_MAX: Final = 100
# orjson reads a whole number of more than 64 bits as a float, without a word; it is this at least.
_ROUNDED_FROM: Final = 2.0**63

# How many of a NumPy unit are how many microseconds; years and months are calendar units.
_UNIT_US: Final[Mapping[str, tuple[int, int]]] = {
    "W": (1, 604_800_000_000), "D": (1, 86_400_000_000), "h": (1, 3_600_000_000), "m": (1, 60_000_000),
    "s": (1, 1_000_000), "ms": (1, 1_000), "us": (1, 1), "ns": (1_000, 1), "ps": (10**6, 1), "fs": (10**9, 1),
    "as": (10**12, 1),
}  # fmt: skip


def moment(name: str, value: object) -> int:
    """Microseconds since 1970 of a time in a file.

    Args:
        name: Of the field.
        value: RFC 3339 text, a datetime, or a NumPy time.

    Raises:
        BadMemory: It is none of these, or outside the years 1 to 9999.
    """
    if isinstance(value, datetime):
        us = time_to_us(value)
    elif isinstance(value, np.datetime64):
        us = _numpy_us(value)
    elif isinstance(value, str):
        try:
            return parse_time(value)
        except ValueError as error:
            raise BadMemory(name, str(error)) from None
    else:
        raise BadMemory(name, f"{value!r} is not an RFC 3339 time")
    if not FIRST_US <= us <= LAST_US:
        raise BadMemory(name, f"{value} is outside the years 1 to 9999")
    return us


def _numpy_us(value: np.datetime64) -> int:
    """By integers of any size: NumPy's own conversion wraps round without a word."""
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype(np.int64)) * step
    if unit in _UNIT_US:
        per, us = _UNIT_US[unit]
        return count // per * us
    years = count if unit == "Y" else count // 12
    if not -1970 < years < 8030:
        return LAST_US + 1
    return int(value.astype("datetime64[us]").astype(np.int64))


def checked_embedding(value: object) -> object:
    """A list or array of numbers, as it is; `model.check_vector` looks at the numbers.

    Raises:
        BadMemory: It is something else that would pass for one: base64, texts of numbers, booleans.
    """
    if isinstance(value, np.ndarray):
        fits = value.dtype.kind in "iuf"
    else:
        fits = isinstance(value, list | tuple) and all(
            issubclass(kind, int | float | np.integer | np.floating) and kind is not bool
            for kind in set(map(type, value))
        )
        fits = fits or (
            isinstance(value, list) and any(isinstance(item, list) for item in value)
        )  # told by shape
    if not fits:
        raise BadMemory("embedding", "is not a list of numbers")
    return value


def maybe_rounded(value: object, depth: int = 0) -> bool:
    """Whether a value that orjson read may have had whole numbers that it could not keep.

    Looking at the values costs less than at the text, whose floats are full of long runs of digits.
    """
    kind = type(value)
    if kind is float:
        return not -_ROUNDED_FROM < value < _ROUNDED_FROM  # type: ignore[operator]  # it is a float
    if depth > _DEPTH_MAX or (kind is not list and kind is not dict):  # deeper ones are refused anyway
        return False
    items: Any = value.values() if isinstance(value, dict) else value
    return any(maybe_rounded(item, depth + 1) for item in items)


def exact_record(text: bytes, record: dict[str, Any]) -> dict[str, Any]:
    """A line of JSON with its whole numbers exact; orjson takes none that are too long for Python.

    Args:
        text: The line.
        record: What orjson read; its embedding stays, as numbers of one are floats however they are written.
    """
    try:
        exact: dict[str, Any] = json.loads(text)
    except RecursionError:  # nested deeper than what is kept: refused as it is
        return record
    if "embedding" in record:
        exact["embedding"] = record["embedding"]
    return exact


def json_value(name: str, value: object) -> Any:
    """A value of a field that memories do not have, as JSON can keep it.

    Raises:
        BadMemory: JSON cannot.
    """
    try:
        plain = _plain(value, 0)
        orjson.dumps(plain)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadMemory(name, f"cannot be kept as JSON: {error}") from None
    return plain


def _plain(value: object, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise ValueError(f"it is nested deeper than {_DEPTH_MAX} levels")
    if isinstance(value, Mapping):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.ndim:
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else format_time(moment("", value))
    if isinstance(value, np.floating):
        value = float(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if isinstance(value, datetime | date | time_of_day):
        return value.isoformat()
    return value


def scalar(value: Any) -> Any:
    """A NumPy scalar as a Python one; arrays, records and times as they are; NaN and NaT as absent."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value
    plain = float(value) if isinstance(value, np.floating) else value.item()
    return None if isinstance(plain, float) and plain != plain else plain  # noqa: PLR0124 - NaN


def read_column(name: str, column: Any, arrow: Any) -> list[Any]:
    """A column of a Parquet file as Python values; what has no Python value is a `BadMemory` in its place."""
    kind = column.type
    if arrow.types.is_timestamp(kind) and kind.unit == "ns":  # digits past the microsecond are dropped
        column = column.cast(arrow.timestamp("us", kind.tz), safe=False)
    try:
        values: list[Any] = column.to_pylist()
    except Exception:  # noqa: BLE001 - one value of many; found below
        values = [_value_of(name, cell.as_py) for cell in column]
    return [None if isinstance(value, float) and value != value else value for value in values]  # noqa: PLR0124


def _value_of(name: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - pyarrow raises what it likes; it becomes an entry of the report
        return BadMemory(name, f"has no Python value: {error}")
