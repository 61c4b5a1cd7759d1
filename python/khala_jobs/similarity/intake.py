"""Vectors of any kind as one float32 matrix.

Arrays (NumPy, DLPack, the buffer protocol) of float32 are taken without a copy where they are C-contiguous;
float16 is exact in float32; float64 is rounded once. Lists of floats and JSON are read in C++, JSON without the
GIL. A row that does
not fit keeps its place and is named: nothing is dropped, and row numbers stay the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from khala_jobs._core import similarity as _core
from khala_jobs.errors import InvalidArgument

from .arguments import one_of, refuse_masked
from .values import FAULTY, Fault, Faulty, Float32Matrix, RowFault

__all__ = ["Vectors", "read_vectors"]

_FLOATS: Final = (np.float16, np.float32, np.float64)
_NAMED: Final = 5  # faulty rows that an error names


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Vectors as one matrix.

    Attributes:
        matrix: float32 [n, dim], C-contiguous; a row that could not be read is all NaN.
        faults: Those rows: "wrong_length", "missing" or "not_numbers". NaN, infinity and zero rows are left
            to the kernels, which look at every number anyway.
    """

    matrix: Float32Matrix
    faults: tuple[RowFault, ...] = ()


def read_vectors(
    vectors: Any, field: str = "vectors", *, dim: int | None = None, faulty: Faulty = "refuse"
) -> Vectors:
    """Read vectors of any kind.

    Args:
        vectors: A float16, float32 or float64 array [n, dim] (NumPy, DLPack, buffer); a sequence of vectors,
            each a list or tuple of floats, an array, or None; a sequence of JSON arrays as bytes or str, or
            None; or one JSON array of arrays as bytes or str.
        field: Name of the argument, for errors.
        dim: Length of a vector. None: that of the first one.
        faulty: Rows of another length, missing ones and ones that are not numbers: "refuse" them all, naming
            the first, or "quarantine" them in `Vectors.faults`.

    Raises:
        InvalidArgument: It is none of these, or a row is faulty.
    """
    one_of("faulty", faulty, FAULTY)
    array = _as_array(vectors, field)
    if array is not None:
        if dim is not None and len(array) and array.shape[1] != dim:
            raise InvalidArgument(field, f"has {array.shape[1]} numbers a row; {dim} are needed")
        return Vectors(array)
    read = _rows(vectors, field, dim)
    if read.faults and faulty == "refuse":
        shown = ", ".join(f"row {fault.row} ({fault.fault})" for fault in read.faults[:_NAMED])
        more = "" if len(read.faults) <= _NAMED else ", ..."
        raise InvalidArgument(
            field,
            f"{len(read.faults)} of {len(read.matrix)} rows cannot be read as {read.matrix.shape[1]} numbers: "
            f"{shown}{more}; faulty='quarantine' leaves them out",
        )
    return read


def _as_array(vectors: Any, field: str) -> Float32Matrix | None:
    """The matrix of what is an array already; None for sequences and JSON."""
    if isinstance(vectors, bytes | bytearray | str | list | tuple):
        return None
    refuse_masked(field, vectors)
    if not isinstance(vectors, np.ndarray):
        vectors = _foreign_array(vectors, field)
        if vectors is None:
            return None
    if vectors.dtype == object:
        return None
    if vectors.ndim != 2 or vectors.dtype.type not in _FLOATS:
        raise InvalidArgument(
            field,
            f"expected a float16, float32 or float64 array [n, dim], got {vectors.dtype} of shape "
            f"{vectors.shape}",
        )
    with np.errstate(over="ignore"):  # beyond float32 is infinity, which the kernels name by its row
        return np.require(vectors, np.float32, ["C", "A"])


def _foreign_array(vectors: Any, field: str) -> np.ndarray[Any, Any] | None:
    if hasattr(vectors, "__dlpack__"):
        try:
            return np.from_dlpack(vectors)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise InvalidArgument(field, f"cannot be read through DLPack: {error}") from None
    try:
        return np.asarray(memoryview(vectors))
    except (TypeError, ValueError):
        return None


def _rows(vectors: Any, field: str, dim: int | None) -> Vectors:
    if isinstance(vectors, bytes | bytearray | str):
        text = bytes(vectors) if isinstance(vectors, bytearray) else vectors
        return _built(_core.read_json(text, dim, field=field))
    if not isinstance(vectors, Iterable):
        raise InvalidArgument(
            field, f"expected an array or a sequence of vectors, got {type(vectors).__name__}"
        )
    rows = list(vectors)
    for row in rows:
        refuse_masked(field, row)
    if rows and all(row is None or isinstance(row, bytes | str) for row in rows):
        return _built(_core.read_json_rows(rows, dim, field=field))
    stacked = _stacked(rows)
    if stacked is not None and dim in {None, stacked.shape[1]}:
        return Vectors(stacked)
    return _built(_core.read_lists([_as_list(row) for row in rows], dim))


def _stacked(rows: list[Any]) -> Float32Matrix | None:
    """Arrays of one length as a matrix; None if they are anything else."""
    first = rows[0] if rows else None
    if not isinstance(first, np.ndarray) or first.ndim != 1:
        return None
    for row in rows:
        if not isinstance(row, np.ndarray) or row.shape != first.shape or row.dtype.type not in _FLOATS:
            return None
    with np.errstate(over="ignore"):
        return np.stack(rows).astype(np.float32, copy=False)


def _as_list(row: Any) -> Any:
    """Lists and tuples as they are; arrays of all kinds as lists."""
    if row is None or isinstance(row, list | tuple) or not hasattr(row, "tolist"):
        return row
    return row.tolist()


def _built(read: tuple[Any, int, int, list[tuple[int, Fault]]]) -> Vectors:
    values, rows, dim, faults = read
    return Vectors(values.reshape(rows, dim), tuple(RowFault(row, fault) for row, fault in faults))


def merged_faults(read: Vectors, found: Iterable[tuple[int, str]]) -> tuple[RowFault, ...]:
    """What the kernel found, with what reading said of rows that it could not read."""
    known = {fault.row: fault for fault in read.faults}
    return tuple(known.get(row, RowFault(row, cast("Fault", fault))) for row, fault in found)
