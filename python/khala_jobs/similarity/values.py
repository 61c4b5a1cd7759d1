"""What joins answer with: columns, the rows that were left out, and a certificate.

Public through `khala_jobs.similarity`, which says how these come about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

Float32Matrix = npt.NDArray[np.float32]
Float32Column = npt.NDArray[np.float32]
Float64Column = npt.NDArray[np.float64]
Int64Column = npt.NDArray[np.int64]
Int32Column = npt.NDArray[np.int32]
Copies = Literal["expand", "collapse"]
Faulty = Literal["refuse", "quarantine"]
COPIES: Final[tuple[str, ...]] = get_args(Copies)
FAULTY: Final[tuple[str, ...]] = get_args(Faulty)
Fault = Literal["nan", "infinite", "zero_norm", "wrong_length", "missing", "not_numbers"]


class PairColumns(Protocol):
    """Pairs of rows as columns of equal length, in any order."""

    @property
    def i(self) -> Int64Column:
        """int64 [m], one row of each pair."""

    @property
    def j(self) -> Int64Column:
        """int64 [m], the other row."""

    @property
    def score(self) -> Float64Column:
        """float64 [m], their similarity."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that cannot be compared.

    Attributes:
        row: Its number in what was given.
        fault: "nan", "infinite", "zero_norm"; of rows that came as lists or JSON also "wrong_length",
            "missing" (None) and "not_numbers".
    """

    row: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a join did, so that "exact" can be checked from outside.

    Attributes:
        rows: Rows given, of both matrices.
        compared_rows: Rows that were compared, after faulty rows and copies were taken out.
        pairs_evaluated: Pairs that were looked at in whatever way; every pair there is.
        pairs_ruled_out: Of these, pairs whose cells are too far apart: nothing else was done with them.
        pairs_coded: Pairs that were tested by their integer codes; those that were neither are float32 products.
            With cells, a pair that is near from both sides is tested twice, and counted so.
        first_stage: Of the coded ones, those that the first stage of codes could not rule out.
        candidates: Pairs that no stage of codes ruled out, or whose product is at most `tolerance` below.
        rechecked: Candidates that float32 alone could not have decided, coded ones included.
        pairs: Pairs in the answer.
        set_hash: `pair_set_hash` of the answer: equal for equal sets of pairs, in any order.
        threshold: The threshold asked for.
        tolerance: Proven bound on the float32 error, the half width of the band that float64 decides.
        isa: Which compiled copy of the kernels ran: "baseline", "v3" (AVX2) or "v4" (AVX-512 with VNNI).
        threads: Number of threads.
        plan: What was decided before the work: "method" ("products", "codes", or "cells": codes where cells
            do not rule a pair out), the sizes of the codes ("coordinates", "first_slots", "slots"), the number
            of "cells", the expected shares of the pairs that cells leave ("tested"), that pass the first stage
            ("candidates") and all stages ("survivors"), and the expected "seconds" on one thread.
        seconds: Time of each stage: check, collapse, prepare (plan and codes), sweep, finish.
    """

    rows: int
    compared_rows: int
    pairs_evaluated: int
    pairs_ruled_out: int
    pairs_coded: int
    first_stage: int
    candidates: int
    rechecked: int
    pairs: int
    set_hash: int
    threshold: float
    tolerance: float
    isa: str
    threads: int
    plan: Mapping[str, str | int | float]
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class IndexCertificate:
    """The certificate of an answer out of a `SimilarityIndex`.

    Attributes:
        rows: Rows in the index.
        pairs: Pairs in the answer.
        set_hash: `pair_set_hash` of the answer.
        threshold: The threshold asked for.
        stored_threshold: That of the index.
        stored_pairs: Pairs in the index, those of deleted rows included until it is compacted.
        isa: Which compiled copy of the kernels runs here.
        pairs_evaluated: As in `Certificate`: of this append or match; for `SimilarityIndex.pairs` of all
            appends so far.
        pairs_ruled_out: The same.
        pairs_coded: The same.
        first_stage: The same.
        candidates: The same.
        rechecked: The same.
        plans: ``plan`` of `Certificate` for each join of this append or match, with each part of the index;
            none for `SimilarityIndex.pairs`, which reads what is stored.
        seconds: Time of those joins.
    """

    rows: int
    pairs: int
    set_hash: int
    threshold: float
    stored_threshold: float
    stored_pairs: int
    isa: str
    pairs_evaluated: int
    pairs_ruled_out: int
    pairs_coded: int
    first_stage: int
    candidates: int
    rechecked: int
    plans: tuple[Mapping[str, str | int | float], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class BlockCertificate:
    """The certificate of a join in blocks.

    Attributes:
        rows: Rows given.
        pairs: Pairs in the answer.
        set_hash: `pair_set_hash` of the answer.
        threshold: The threshold asked for.
        isa: Which compiled copy of the kernels runs here.
        blocks: Number of blocks.
        blocks_reused: Those that an earlier attempt had finished.
        pairs_evaluated: As in `Certificate`, of the other blocks.
        pairs_coded: The same.
        first_stage: The same.
        candidates: The same.
        rechecked: The same.
        plan: As in `Certificate`, of all blocks.
        seconds: Time of this attempt.
    """

    rows: int
    pairs: int
    set_hash: int
    threshold: float
    isa: str
    blocks: int
    blocks_reused: int
    pairs_evaluated: int
    pairs_coded: int
    first_stage: int
    candidates: int
    rechecked: int
    plan: Mapping[str, str | int | float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Audit:
    """What an approximate join found of the pairs of random rows.

    Of identical rows one is counted: their copies' pairs are found with it, or missed with it.

    Attributes:
        rows: Rows that were joined exactly.
        pairs: Pairs that they are in.
        found: Of these, pairs in the answer.
        recall: found / pairs; 1 where there were none.
        low: Lower end of the 95 % interval of the recall (Clopper and Pearson).
        high: Its upper end.
        slack: Share of the safe distance that was allowed for; 1 is exact.
    """

    rows: int
    pairs: int
    found: int
    recall: float
    low: float
    high: float
    slack: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of rows of one matrix that reach a threshold.

    Attributes:
        i: int64 [m], the lower row of each pair; ascending by (i, j).
        j: int64 [m], the higher row.
        score: float64 [m], `sim64` of the pair.
        representative: int64 [n], for each row the lowest row of its group with the same bytes.
        copies: "expand": the pairs of all rows; "collapse": those of representatives alone.
        faults: Rows that were left out.
        certificate: What was done.
        ids: The caller's names of the rows, or None.
        audit: Of an approximate join: what part of the pairs was found. None: all of them.
    """

    i: Int64Column
    j: Int64Column
    score: Float64Column
    representative: Int64Column
    copies: Copies
    faults: tuple[RowFault, ...]
    certificate: Certificate | IndexCertificate | BlockCertificate
    ids: Sequence[object] | None = None
    audit: Audit | None = None

    def __len__(self) -> int:
        return len(self.i)

    def named(self) -> list[tuple[object, object, float]]:
        """The pairs as (id, id, score), in order; row numbers where no ids were given."""
        name = self.ids.__getitem__ if self.ids is not None else int
        rows = zip(self.i.tolist(), self.j.tolist(), self.score.tolist(), strict=True)
        return [(name(i), name(j), score) for i, j, score in rows]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """All (query, row) pairs that reach a threshold, or the best of them.

    Attributes:
        query: int64 [m], ascending.
        row: int64 [m], a row of the corpus.
        score: float64 [m], `sim64`; falling within a query, equal ones by ascending row.
        query_faults: Queries that were left out.
        corpus_faults: Rows of the corpus that were left out.
        certificate: What was done.
    """

    query: Int64Column
    row: Int64Column
    score: Float64Column
    query_faults: tuple[RowFault, ...]
    corpus_faults: tuple[RowFault, ...]
    certificate: Certificate | IndexCertificate

    def __len__(self) -> int:
        return len(self.query)
