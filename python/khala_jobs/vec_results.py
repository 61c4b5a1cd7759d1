"""What the vector kernels answer with: columns, the rows that were left out, and a certificate.

Public through `khala_jobs.vec`, which says how these come about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Float32Matrix = npt.NDArray[np.float32]
Float64Column = npt.NDArray[np.float64]
Int64Column = npt.NDArray[np.int64]
Int32Column = npt.NDArray[np.int32]
Fault = Literal["nan", "infinite", "zero_norm", "wrong_length", "missing"]


class PairColumns(Protocol):
    """Pairs of rows as columns of equal length, in any order."""

    @property
    def left(self) -> Int64Column:
        """int64 [m], one row of each pair."""

    @property
    def right(self) -> Int64Column:
        """int64 [m], the other row."""

    @property
    def cosine(self) -> Float64Column:
        """float64 [m], their similarity."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that cannot be compared.

    Attributes:
        row: Its number in the array or sequence that was given.
        fault: "nan", "infinite", "zero_norm"; from `pack_rows` also "wrong_length" and "missing".
    """

    row: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a join did, so that "exact" can be checked from outside.

    Attributes:
        rows: Rows given, of both matrices.
        compared_rows: Rows that were compared, after faulty rows and copies were taken out.
        pairs_evaluated: Pairs that were multiplied in float32; every pair there is.
        candidates: Of these, pairs within `tolerance` of the threshold or above it.
        rechecked: Candidates that float32 alone could not have decided.
        pairs: Pairs in the answer.
        set_hash: `pair_set_hash` of the answer: equal for equal sets of pairs, in any order.
        threshold: The threshold asked for.
        tolerance: Proven bound on the float32 error, the half width of the band that float64 decides.
        isa: Which compiled copy of the kernels ran, "baseline" or "v3".
        threads: Number of threads.
        seconds: Time of each stage: check, collapse, sweep, finish.
    """

    rows: int
    compared_rows: int
    pairs_evaluated: int
    candidates: int
    rechecked: int
    pairs: int
    set_hash: int
    threshold: float
    tolerance: float
    isa: str
    threads: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of rows of one matrix that reach a threshold.

    Attributes:
        left: int64 [m], the lower row of each pair; ascending by (left, right).
        right: int64 [m], the higher row.
        cosine: float64 [m], `sim64` of the pair.
        representative: int64 [n], for each row the lowest row of its group with the same bytes.
        faults: Rows that were left out.
        certificate: What was done.
    """

    left: Int64Column
    right: Int64Column
    cosine: Float64Column
    representative: Int64Column
    faults: tuple[RowFault, ...]
    certificate: Certificate

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """All (query, row) pairs that reach a threshold, or the best of them.

    Attributes:
        query: int64 [m], ascending.
        row: int64 [m].
        cosine: float64 [m], `sim64`; falling within a query, equal ones by ascending row.
        query_faults: Queries that were left out.
        row_faults: Rows that were left out.
        certificate: What was done.
    """

    query: Int64Column
    row: Int64Column
    cosine: Float64Column
    query_faults: tuple[RowFault, ...]
    row_faults: tuple[RowFault, ...]
    certificate: Certificate

    def __len__(self) -> int:
        return len(self.query)


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Star clusters: every row and the canonical row it belongs to.

    Attributes:
        canonical: int64 [n]; a canonical row names itself.
        cosine: float64 [n], `sim64` of the row and its canonical row; 1 for canonical rows and their copies.
        cluster_count: Number of canonical rows.
    """

    canonical: Int64Column
    cosine: Float64Column
    cluster_count: int


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Connected components: a diagnostic of how far similarity chains, not something to merge by.

    Attributes:
        label: int64 [n], for each row the lowest row of its component.
        root: int64 [c], the label of each component of two rows or more, ascending.
        size: int64 [c], its number of rows.
        min_cosine: float64 [c], the lowest `sim64` of any two of its rows.
    """

    label: Int64Column
    root: Int64Column
    size: Int64Column
    min_cosine: Float64Column


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Decayed scores and what had to be assumed for them.

    Attributes:
        score: float64 [n], at most 1.
        future_count: Ages below 0 (time stamps in the future), which count as 0.
        unknown_count: Ages that are NaN, which count as 0.
    """

    score: Float64Column
    future_count: int
    unknown_count: int


@dataclass(frozen=True, slots=True, eq=False)
class RowCheck:
    """Which rows can be compared.

    Attributes:
        norms: float64 [n], Euclidean norms; 0 for rows that cannot be compared.
        faults: Those rows, ascending.
    """

    norms: Float64Column
    faults: tuple[RowFault, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PackedRows:
    """Vectors as one matrix, without those that do not fit in it.

    Attributes:
        matrix: float32 [k, dim], the vectors that can be compared.
        rows: int64 [k], where each of them stood in the sequence.
        faults: The others: their places in the sequence and what is wrong with them.
    """

    matrix: Float32Matrix
    rows: Int64Column
    faults: tuple[RowFault, ...]
