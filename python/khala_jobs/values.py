"""Plain values as JSON bytes and back, exactly or not at all.

What comes back from `decode` equals what went into `encode` (tuples come back as lists), or `encode`
refuses it and says where in the value the trouble is. Refused: NaN and the infinities, sets, bytes and
other objects without a JSON form, keys that are no strings, integers beyond 64 bits, lone surrogates,
nesting beyond 128.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel

from .errors import InvalidArgument
from .shown import shown

DEPTH_MAX: Final = 128
PATH_CHARACTERS: Final = 80
# orjson has no way to leave UUIDs and enums out as well: see `_refuse_converted`.
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_EXACT: Final = frozenset({type(None), bool, int, float, str})
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**64 - 1

decode = orjson.loads


def encode(value: Any, field: str, *, typed: bool = False) -> bytes:
    """`value` as JSON.

    Args:
        value: Anything made of None, bool, int, float, str, list, tuple and dict.
        field: Name of the argument, with which every path in an error begins.
        typed: A validator has seen to it that it has no enum members nor UUIDs, which would not come back.

    Raises:
        InvalidArgument: It cannot be stored exactly; the field of the error is the path to the offending
        part.
    """
    try:
        text = orjson.dumps(value, option=_STRICT)
    except (TypeError, RecursionError) as error:
        raise InvalidArgument(*_trouble(value, field, str(error))) from None
    if b"null" in text:  # what orjson makes of NaN and the infinities, too
        _refuse_not_finite(value, field)
    if not typed and not _is_exact(value):
        _refuse_converted(value, field)
    return text


def _is_exact(value: Any) -> bool:
    """Whether it is made of the types that JSON has, and of nothing that is merely written as one of them."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        return kind in _EXACT
    return set(map(type, value)) <= _EXACT or all(map(_is_exact, value))


def _refuse_converted(value: Any, path: str) -> None:
    """What orjson writes by itself, and what would come back as something else."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_converted(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_converted(item, f"{path}[{index}]")
    elif isinstance(value, UUID | Enum) and not isinstance(value, str | int):
        raise InvalidArgument(
            _short(path),
            f"{_type_name(value)} would come back as text or as its value: annotate the parameter, or pass that",
        )


def encode_loose(value: Any, field: str) -> bytes:
    """As `encode`, and models, dataclasses, dates and times are written too, which come back as plain values.

    For results, whose reader may know no more about them than that they are JSON.
    """
    try:
        text = orjson.dumps(value, default=_plain)
    except (TypeError, RecursionError, ValueError) as error:
        cause = error.__cause__
        if isinstance(cause, InvalidArgument):
            raise cause from None
        raise InvalidArgument(*_trouble(value, field, str(error))) from None
    if b"null" in text:
        _refuse_not_finite(value, field)
    return text


def _plain(value: Any) -> Any:
    """What orjson cannot write by itself."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if _is_numpy(value):
        return value.tolist()
    raise TypeError


def _is_numpy(value: Any) -> bool:
    """NumPy scalars and arrays, without importing it."""
    return hasattr(value, "tolist") and hasattr(value, "dtype")


def _trouble(value: Any, path: str, message: str) -> tuple[str, str]:
    """Path and reason of the first part of `value` that is no JSON; found by walking, so only on errors."""
    where, why = _first_trouble(value, path, 0) or (path, f"cannot be stored as JSON: {message}")
    return _short(where), why


def _short(path: str) -> str:
    """A path as it may stand in a message, whatever keys are in it."""
    return path if len(path) <= PATH_CHARACTERS else f"{path[:PATH_CHARACTERS]}…"


def _first_trouble(value: Any, path: str, depth: int) -> tuple[str, str] | None:  # noqa: PLR0911 - one per kind
    if depth > DEPTH_MAX:
        return path, f"nested deeper than {DEPTH_MAX}, the limit"
    match value:
        case None | bool():
            return None
        case str():
            return (
                (path, "has a lone surrogate, which UTF-8 cannot express") if _has_surrogate(value) else None
            )
        case int():
            if _INT_MIN <= value <= _INT_MAX:
                return None
            return path, "an integer beyond 64 bits cannot be stored exactly: pass it as text"
        case float():
            if not math.isfinite(value):
                return path, f"{value} is not a JSON number"
            return (
                None
                if type(value) is float
                else (path, f"{_type_name(value)} is no plain float: pass float(…)")
            )
        case dict():
            return _trouble_in_dict(value, path, depth)
        case list() | tuple():
            items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
            return next((t for p, item in items if (t := _first_trouble(item, p, depth + 1))), None)
        case set() | frozenset():
            return (
                path,
                f"a {type(value).__name__} has no JSON form: pass a sorted list, or annotate the parameter",
            )
        case datetime() | date() | time():
            return path, (
                f"a {type(value).__name__} would come back as text: annotate the parameter, or pass text"
            )
    return path, f"{_type_name(value)} has no JSON form"


def _trouble_in_dict(value: dict[Any, Any], path: str, depth: int) -> tuple[str, str] | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return path, f"the key {shown(key)} is no string, and JSON would turn it into one"
        if _has_surrogate(key):
            return path, f"the key {shown(key)} has a lone surrogate, which UTF-8 cannot express"
        if found := _first_trouble(item, f"{path}.{key}", depth + 1):
            return found
    return None


def _refuse_not_finite(value: Any, path: str) -> None:
    """NaN and the infinities in whatever `encode_loose` writes."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArgument(_short(path), f"{value} is not a JSON number")
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_not_finite(item, f"{path}.{key}")
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            _refuse_not_finite(item, f"{path}[{index}]")
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for member in dataclasses.fields(value):
            _refuse_not_finite(getattr(value, member.name), f"{path}.{member.name}")
    elif isinstance(value, BaseModel):
        _refuse_not_finite(
            value.model_dump(), path
        )  # as JSON, what its fields do not declare would be null already
    elif _is_numpy(value):
        _refuse_not_finite(value.tolist(), path)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _type_name(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"an object of type {name}"
