"""What a caller gives, checked before any work: the value as the kernels take it, or the error that names it.

The kernels refuse what is out of its range by name as well; what is of another type would reach them as a
`TypeError` of the binding, which knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import index
from typing import Any, Final, SupportsFloat, SupportsIndex, cast

import numpy as np

from khala_jobs.errors import InvalidArgument
from khala_jobs.shown import shown

INT64_MAX: Final = 2**63 - 1
MAX_PAIRS: Final = 10_000_000
"""Most pairs of an answer when nobody says otherwise; a pair takes about 40 bytes."""


def one_of(field: str, value: object, known: Sequence[str]) -> None:
    """Refuse what is none of some words."""
    if not isinstance(value, str) or value not in known:
        raise InvalidArgument(field, f"{shown(value)} is none of {', '.join(known)}")


def whole(field: str, value: object, least: int, most: int = INT64_MAX) -> int:
    """A whole number between two limits, which NumPy's are as well; True is none."""
    high = "2^63 - 1" if most == INT64_MAX else f"{most:,}"
    if not isinstance(value, SupportsIndex) or isinstance(value, bool | np.ndarray):
        raise InvalidArgument(field, f"{shown(value)} is no whole number; the limits are {least} and {high}")
    number = index(value)
    if not least <= number <= most:
        limits = f"the lower limit is {least}" if number < least else f"the upper limit is {high}"
        raise InvalidArgument(field, f"{shown(number)}; {limits}")
    return number


def pair_limit(max_pairs: object) -> int:
    """`max_pairs`; None is `MAX_PAIRS`."""
    return MAX_PAIRS if max_pairs is None else whole("max_pairs", max_pairs, 0)


def cosine(field: str, value: object) -> float:
    """A number in -1..1."""
    number = _number(value)
    if number is None or not -1.0 <= number <= 1.0:
        raise InvalidArgument(field, f"{shown(value)} is no cosine; the limits are -1 and 1")
    return number


def share(field: str, value: object) -> float:
    """A number above 0 and below 1."""
    number = _number(value)
    if number is None or not 0.0 < number < 1.0:
        raise InvalidArgument(field, f"{shown(value)} is not between 0 and 1")
    return number


def _number(value: object) -> float | None:
    """What Python takes for a number, text excepted; None for anything else."""
    if isinstance(value, bool | str | bytes | bytearray):
        return None
    try:
        return float(cast("SupportsFloat", value))
    except (TypeError, ValueError, OverflowError):
        return None


def counted(field: str, values: Any, rows: int, of: str = "rows") -> None:
    """Refuse what is no sequence of one value a row."""
    known = hasattr(values, "__len__") and hasattr(values, "__getitem__")
    if not known or isinstance(values, Mapping | AbstractSet) or getattr(values, "shape", None) == ():
        raise InvalidArgument(field, f"expected a sequence of {rows} values, got {type(values).__name__}")
    refuse_masked(field, values)
    if len(values) != rows:
        raise InvalidArgument(field, f"{len(values)} of them for {rows} {of}")


def refuse_masked(field: str, values: object) -> None:
    """Refuse an array with a mask, which nothing behind it looks at."""
    if isinstance(values, np.ma.MaskedArray):
        raise InvalidArgument(
            field, "is a masked array, whose mask would be lost: fill or drop the masked rows first"
        )


def instance(field: str, value: object, wanted: type, *, or_none: bool = False) -> None:
    """Refuse what is not of a class."""
    if not (isinstance(value, wanted) or (or_none and value is None)):
        raise InvalidArgument(field, f"expected {wanted.__name__}, got {type(value).__name__}")
