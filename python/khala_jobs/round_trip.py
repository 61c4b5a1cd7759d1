"""Whether a value came back from JSON as it was given."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from pydantic import BaseModel

from .shown import shown

Difference = tuple[str, str]
"""Where two values differ, as a path below the value (``.items[2].price``, or nothing), and how."""

_TEXTS: Final = (str, bytes, bytearray)


def difference(given: Any, back: Any) -> Difference | None:
    """The first place where what came back is another value; None where there is none.

    Lists and tuples are the same array, as are equal numbers. Models and dataclasses are compared by class and field.
    Of objects that cannot be compared, with no ``==`` of their own or one that raises, the class is.

    Args:
        given: The value.
        back: What was read from its JSON.
    """
    with contextlib.suppress(Exception):  # of a value's own code
        if bool(given == back):
            return None
    return _difference(given, back, "")


def _difference(given: Any, back: Any, path: str) -> Difference | None:
    if isinstance(given, float) and not math.isfinite(given):
        if isinstance(back, float) and (given == back or (math.isnan(given) and math.isnan(back))):
            return None
        return path, "has a number that is not finite, which JSON cannot carry"
    if isinstance(given, BaseModel) or _is_dataclass(given):
        return _of_fields(given, back, path)
    if isinstance(given, Mapping):
        return _of_mappings(given, back, path)
    if isinstance(given, Sequence) and not isinstance(given, _TEXTS):
        return _of_arrays(given, back, path)
    return None if _is_equal(given, back) else _other(given, back, path)


def _other(given: Any, back: Any, path: str) -> Difference:
    if type(given) is not type(back):
        return path, f"would come back as {_class(back)} instead of {_class(given)}"
    if shown(given) == shown(back):  # such as a secret, which is written as stars
        return path, f"would come back as another {_class(given)}"
    return path, f"would come back as {shown(back)} instead of {shown(given)}"


def _class(value: Any) -> str:
    return type(value).__name__


def _is_dataclass(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _of_fields(given: Any, back: Any, path: str) -> Difference | None:
    if type(given) is not type(back):
        return _other(given, back, path)
    for name in _names(given):
        found = _difference(_get(given, name), _get(back, name), f"{path}.{name}")
        if found is not None:
            return found
    return None


def _names(value: Any) -> Iterable[str]:
    """Of the fields that make a value; those that a dataclass does not compare do not."""
    if not isinstance(value, BaseModel):
        return (field.name for field in dataclasses.fields(value) if field.compare)
    kept = (name for name, item in (value.__pydantic_private__ or {}).items() if _has_equality(item))
    return (*type(value).model_fields, *(value.__pydantic_extra__ or ()), *kept)


def _get(value: Any, name: str) -> Any:
    return getattr(value, name, None)


def _of_mappings(given: Mapping[Any, Any], back: Any, path: str) -> Difference | None:
    if not isinstance(back, Mapping) or given.keys() != back.keys():
        return _other(given, back, path)
    for key, item in given.items():
        found = _difference(item, back[key], f"{path}.{key}")
        if found is not None:
            return found
    return None


def _of_arrays(given: Sequence[Any], back: Any, path: str) -> Difference | None:
    if not isinstance(back, Sequence) or isinstance(back, _TEXTS) or len(given) != len(back):
        return _other(given, back, path)
    for index, (item, other) in enumerate(zip(given, back, strict=True)):
        found = _difference(item, other, f"{path}[{index}]")
        if found is not None:
            return found
    return None


def _is_equal(given: Any, back: Any) -> bool:
    if isinstance(given, AbstractSet):
        return isinstance(back, AbstractSet) and set(given) == set(back)
    try:
        if bool(given == back):
            return isinstance(given, bool) == isinstance(back, bool)
    except Exception:  # noqa: BLE001 - such as that of NumPy arrays; a value's own code
        return type(given) is type(back)
    return type(given) is type(back) and not _has_equality(given)


def _has_equality(value: Any) -> bool:
    return type(value).__eq__ is not object.__eq__  # type: ignore[comparison-overlap]  # slots of C, all the same
