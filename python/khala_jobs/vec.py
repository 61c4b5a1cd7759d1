"""Exact similarity joins, clusters and decay over NumPy columns.

The kernels run in C++ without the GIL. They take arrays exactly as documented (C-contiguous, the named
element type) and refuse everything else by name: nothing is cast, no row is dropped in silence, no answer
is cut short.

The similarity of two rows is one number, `sim64`: the cosine in float64, summed in one fixed order, the
same bits on every processor. A pair is in a result exactly when its `sim64` is at least the threshold.
Byte-identical rows have similarity 1 by definition.

Arrays that are being read by a kernel must not be written to meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from ._core import vec as _vec
from .errors import InvalidArgument
from .vec_results import (
    Certificate,
    Components,
    Decay,
    Fault,
    Float32Matrix,
    Float64Column,
    Int32Column,
    Int64Column,
    Matches,
    PackedRows,
    PairColumns,
    Pairs,
    RowCheck,
    RowFault,
    Stars,
)
from .vec_watch import Progress, watched

__all__ = [
    "MAX_PAIRS",
    "Certificate",
    "Components",
    "Decay",
    "Matches",
    "PackedRows",
    "PairColumns",
    "Pairs",
    "RowCheck",
    "RowFault",
    "Stars",
    "accessed_half_lives",
    "check_rows",
    "components",
    "decay_scores",
    "find_matches",
    "find_pairs",
    "isa",
    "pack_rows",
    "pair_cosines",
    "pair_set_hash",
    "star_clusters",
]

MAX_PAIRS: Final = 10_000_000


def find_pairs(
    matrix: Float32Matrix,
    threshold: float,
    groups: Int32Column | None = None,
    *,
    copies: Literal["expand", "collapse"] = "expand",
    faulty: Literal["refuse", "report"] = "refuse",
    max_pairs: int = MAX_PAIRS,
    threads: int = 1,
    progress: Progress | None = None,
) -> Pairs:
    """Find every pair of rows whose cosine is at least `threshold`: all of them and no other.

    Args:
        matrix: float32 [n, dim], C-contiguous, dim 1..65,536. Rows need not be normalised.
        threshold: Cosine, -1..1.
        groups: int32 [n]; rows of different groups are never compared. None: one group.
        copies: Byte-identical rows of a group: "expand" reports their pairs as well, "collapse" only those of
            the rows in `Pairs.representative`. A thousand copies of one row are half a million pairs.
        faulty: Rows with NaN or infinity and rows of zeros: "refuse" the call, naming them, or leave them out
            and "report" them in `Pairs.faults`.
        max_pairs: More pairs than this are an error, never a shortened answer. A pair takes about 40 bytes.
        threads: 1..64; the answer does not depend on it.
        progress: Called about ten times a second, in the calling thread, with the number of row pairs
            looked at and that of all. What it raises stops the join and is raised from here.

    Returns:
        The pairs, ascending by (left, right), with the certificate.

    Raises:
        InvalidArgument: An argument is not as documented, rows are faulty, or there are too many pairs.
    """
    _one_of("copies", copies, ("expand", "collapse"))
    _at_least("max_pairs", max_pairs, 0)

    def kernel(watch: _vec.Progress) -> Any:
        return _vec.self_join(
            matrix,
            threshold,
            groups=groups,
            max_pairs=max_pairs,
            collapse_copies=copies == "collapse",
            report_faulty=_reports(faulty),
            threads=threads,
            progress=watch,
        )

    (left, right, cosine), representative, faults, certificate = watched(kernel, matrix, progress)
    return Pairs(left, right, cosine, representative, _faults(faults), Certificate(**certificate))


def find_matches(
    queries: Float32Matrix,
    matrix: Float32Matrix,
    threshold: float,
    *,
    query_groups: Int32Column | None = None,
    groups: Int32Column | None = None,
    best: int | None = None,
    faulty: Literal["refuse", "report"] = "refuse",
    max_pairs: int = MAX_PAIRS,
    threads: int = 1,
    progress: Progress | None = None,
) -> Matches:
    """Find for every query the rows whose cosine to it is at least `threshold`.

    Args:
        queries: float32 [q, dim], C-contiguous: what is new.
        matrix: float32 [n, dim], C-contiguous: what there is.
        threshold: Cosine, -1..1.
        query_groups: int32 [q]; a query is compared with the rows of its own group only. Given with `groups`.
        groups: int32 [n].
        best: At most this many rows for each query, the most similar ones, equal ones by ascending row.
            None: all.
        faulty: As in `find_pairs`, for both matrices.
        max_pairs: More pairs than this in the answer are an error.
        threads: 1..64; the answer does not depend on it.
        progress: As in `find_pairs`.

    Returns:
        The pairs by query, most similar rows first, with the certificate.

    Raises:
        InvalidArgument: An argument is not as documented, rows are faulty, or there are too many pairs.
    """
    _at_least("max_pairs", max_pairs, 0)
    if best is not None:
        _at_least("best", best, 1)

    def kernel(watch: _vec.Progress) -> Any:
        return _vec.match_rows(
            queries,
            matrix,
            threshold,
            query_groups=query_groups,
            groups=groups,
            best=best or 0,
            max_pairs=max_pairs,
            report_faulty=_reports(faulty),
            threads=threads,
            progress=watch,
        )

    columns, query_faults, row_faults, certificate = watched(kernel, matrix, progress)
    query, row, cosine = columns
    return Matches(query, row, cosine, _faults(query_faults), _faults(row_faults), Certificate(**certificate))


def star_clusters(
    pairs: PairColumns, rank: Int64Column, n: int | None = None, *, representative: Int64Column | None = None
) -> Stars:
    """Cluster rows around canonical rows: the greedy maximal independent set in the order of `rank`.

    The best-ranked row becomes canonical and takes its neighbours out of the running, then the best-ranked
    of the rest, and so on. Every member is a neighbour of its canonical row, so at least as similar to it
    as the threshold of the join; no two canonical rows are neighbours; and the answer does not depend on
    the order of the rows. A row with several canonical neighbours joins the most similar one (equal
    cosines: the better rank). Copies of a row follow it.

    Args:
        pairs: Who is whose neighbour: from `find_pairs`, whole or filtered.
        rank: int64 [n], distinct; the lowest is preferred as canonical.
        n: Number of rows, if `rank` should be checked against it.
        representative: int64 [n], which row stands for which, needed when copies were collapsed. None: that
            of `pairs` if it is a `Pairs`, and else every row stands for itself.

    Returns:
        For every row its canonical row; a row in no pair is its own.

    Raises:
        InvalidArgument: Lengths that differ, rows out of range, or equal ranks.
    """
    if n is not None and np.shape(rank) != (n,):
        raise InvalidArgument("rank", f"shape {np.shape(rank)} for {n} rows")
    if representative is None and isinstance(pairs, Pairs):
        representative = pairs.representative
    columns = _vec.star_clusters(pairs.left, pairs.right, pairs.cosine, rank, representative)
    return Stars(*columns)


def components(
    matrix: Float32Matrix, pairs: Pairs, *, threads: int = 1, progress: Progress | None = None
) -> Components:
    """Label connected components and find the lowest cosine inside each.

    The cost grows with the square of the largest component.

    Args:
        matrix: The float32 [n, dim] that `pairs` was found in.
        pairs: From `find_pairs`.
        threads: 1..64.
        progress: As in `find_pairs`.

    Returns:
        Labels for all rows; size and lowest inner cosine for components of two rows or more.

    Raises:
        InvalidArgument: `pairs` does not belong to `matrix`.
    """

    def kernel(watch: _vec.Progress) -> Any:
        return _vec.components(
            matrix,
            pairs.left,
            pairs.right,
            pairs.cosine,
            pairs.representative,
            threads=threads,
            progress=watch,
        )

    return Components(*watched(kernel, matrix, progress))


def decay_scores(
    importance: Float64Column,
    age: Float64Column,
    half_life: Float64Column,
    model: Literal["khala_compat", "half_life"] = "khala_compat",
) -> Decay:
    """Compute what is left of each importance after `age`.

    `khala_compat` is KHALA's formula, `min(importance * exp(-age / half_life), 1)`, bit for bit as Python
    computes it (`DecayScore.calculate`; 36.8 % are left after one "half-life"). `half_life` is the formula
    with the name's meaning, `min(importance * 2 ** (-age / half_life), 1)`: half is left after one
    half-life.

    Args:
        importance: float64 [n], finite, 0 or more.
        age: float64 [n], in the unit of `half_life` (KHALA: days). Negative and NaN ages are taken as 0 and
            counted.
        half_life: float64 [n], finite, more than 0.
        model: Which formula.

    Returns:
        Scores, and the number of ages that counted as 0.

    Raises:
        InvalidArgument: A column is not as documented; names the column and the first bad row.
    """
    _one_of("model", model, ("khala_compat", "half_life"))
    return Decay(*_vec.decay_scores(importance, age, half_life, khala_compat=model == "khala_compat"))


def accessed_half_lives(base: Float64Column, access_count: Int64Column) -> Float64Column:
    """Compute KHALA's longer half-lives of memories in use: `base * (1 + log(access_count + 1) * 0.5)`.

    The formula of KHALA's `TemporalAnalysisService.calculate_decay_score`, bit for bit; its bases are 0.5
    days for working, 7 for short-term and 90 for long-term memories.

    Args:
        base: float64 [n], finite, more than 0, in any unit of time.
        access_count: int64 [n], 0 or more.

    Returns:
        float64 [n] in the unit of `base`.

    Raises:
        InvalidArgument: A column is not as documented.
    """
    adjusted: Float64Column = _vec.accessed_half_lives(base, access_count)
    return adjusted


def check_rows(matrix: Float32Matrix) -> RowCheck:
    """Find the rows of a float32 [n, dim] matrix that cannot be compared, and the norms of the others."""
    norms, faults = _vec.check_rows(matrix)
    return RowCheck(norms, _faults(faults))


def pair_cosines(matrix: Float32Matrix, left: Int64Column, right: Int64Column) -> Float64Column:
    """Compute `sim64` of the pairs (left[i], right[i]) of rows of a float32 [n, dim] matrix.

    Raises:
        InvalidArgument: A row is not there or cannot be compared.
    """
    cosines: Float64Column = _vec.pair_cosines(matrix, left, right)
    return cosines


def pair_set_hash(left: Int64Column, right: Int64Column) -> int:
    """Hash a set of pairs of int64 columns, whatever their order: to compare the answers of two programs."""
    return int(_vec.pair_set_hash(left, right))


def isa() -> str:
    """Name the compiled copy of the kernels that runs here, "baseline" or "v3".

    The environment variable KHALA_JOBS_ISA, read once a process, overrides the choice.

    Raises:
        InvalidArgument: KHALA_JOBS_ISA is none of auto, baseline, v3.
        Unsupported: KHALA_JOBS_ISA asks for what this processor or build lacks.
    """
    return str(_vec.isa())


def pack_rows(
    vectors: Iterable[Sequence[float] | npt.NDArray[Any] | None], dim: int | None = None
) -> PackedRows:
    """Put vectors of any kind into one matrix, and say which do not fit.

    Args:
        vectors: One vector (or None) for each memory; numbers are rounded to float32.
        dim: Length of a vector. None: that of the first vector that is not None.

    Returns:
        The comparable vectors, their places in `vectors`, and the places and faults of the rest.
    """
    kept: list[npt.NDArray[np.float32]] = []
    places: list[int] = []
    faults: list[RowFault] = []
    for place, vector in enumerate(vectors):
        if vector is None:
            faults.append(RowFault(place, "missing"))
            continue
        with np.errstate(over="ignore"):  # beyond float32 is infinity, which the check reports
            row = np.asarray(vector, dtype=np.float32)
        dim = row.shape[0] if dim is None and row.ndim == 1 else dim
        if row.shape != (dim,):
            faults.append(RowFault(place, "wrong_length"))
            continue
        kept.append(row)
        places.append(place)
    matrix = np.stack(kept) if kept else np.empty((0, dim or 0), np.float32)
    rows = np.asarray(places, np.int64)
    bad = check_rows(matrix).faults
    if bad:
        faults += [RowFault(places[fault.row], fault.fault) for fault in bad]
        good = np.ones(len(rows), np.bool_)
        good[[fault.row for fault in bad]] = False
        matrix, rows = matrix[good], rows[good]
    return PackedRows(matrix, rows, tuple(sorted(faults, key=lambda fault: fault.row)))


def _faults(faults: Iterable[tuple[int, Fault]]) -> tuple[RowFault, ...]:
    return tuple(RowFault(row, fault) for row, fault in faults)


def _one_of(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidArgument(field, f"{value!r} is none of {', '.join(known)}")


def _at_least(field: str, value: int, lowest: int) -> None:
    if value < lowest:
        raise InvalidArgument(field, f"{value}; the lower limit is {lowest}")


def _reports(faulty: str) -> bool:
    _one_of("faulty", faulty, ("refuse", "report"))
    return faulty == "report"
