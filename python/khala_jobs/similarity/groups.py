"""Groups as the kernels take them: one int32 a row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from khala_jobs.errors import InvalidArgument

from .arguments import counted, refuse_masked
from .values import Int32Column

Groups = npt.NDArray[np.integer] | Sequence[Hashable]
"""Which group each row is of: an integer array, or any hashable values (user ids, tuples)."""


def group_numbers(groups: Groups | None, rows: int, field: str) -> Int32Column | None:
    """One int32 a row, or None for a single group.

    Args:
        groups: One value a row; equal values are one group.
        rows: How many rows there are.
        field: Name of the argument, for the error.

    Raises:
        InvalidArgument: Not one value a row, or a value that is not hashable.
    """
    if groups is None:
        return None
    return _numbers([groups], [rows], [field])[0]


def shared_group_numbers(
    query_groups: Groups | None, queries: int, corpus_groups: Groups | None, rows: int
) -> tuple[Int32Column | None, Int32Column | None]:
    """The same for two sides whose equal values are the same group."""
    if query_groups is None or corpus_groups is None:
        if (query_groups is None) != (corpus_groups is None):
            missing = "query_groups" if query_groups is None else "corpus_groups"
            raise InvalidArgument(missing, "is missing: groups are given for both sides or for neither")
        return None, None
    both = _numbers([query_groups, corpus_groups], [queries, rows], ["query_groups", "corpus_groups"])
    return both[0], both[1]


def _numbers(sides: Sequence[Groups], counts: Sequence[int], fields: Sequence[str]) -> list[Int32Column]:
    for side, count, field in zip(sides, counts, fields, strict=True):
        refuse_masked(field, side)
        if not isinstance(side, np.ndarray):
            counted(field, side, count)
        elif side.shape != (count,):
            raise InvalidArgument(field, f"shape {side.shape} for {count} rows; one value a row is needed")
    if all(isinstance(side, np.ndarray) and side.dtype == np.int32 for side in sides):
        return [np.ascontiguousarray(side) for side in sides]
    if all(isinstance(side, np.ndarray) and side.dtype.kind in "iu" for side in sides):
        _, number = np.unique(np.concatenate([np.asarray(side) for side in sides]), return_inverse=True)
        return np.split(number.astype(np.int32), np.cumsum(counts)[:-1])
    known: dict[Hashable, int] = {}
    columns = []
    for side, field in zip(sides, fields, strict=True):
        values = side.tolist() if isinstance(side, np.ndarray) else side
        try:
            numbers = [known.setdefault(cast("Hashable", value), len(known)) for value in values]
        except TypeError as error:
            raise InvalidArgument(field, f"holds a value that cannot be a group: {error}") from None
        columns.append(np.array(numbers, np.int32))
    return columns
