"""Joins that may miss a few pairs, and say how few: the exact join with less slack, audited on random rows.

What an exact join rules out is farther apart than any pair could be, by a proof. Few pairs come near that limit:
an approximate join rules out what is farther apart than a share of it. The share is chosen so that it finds the
wanted part of the pairs of some random rows, which are joined exactly; how much the whole join found is then
counted on other random rows, and reported with its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from khala_jobs._core import vec as _vec

from .interval import clopper_pearson
from .values import Float32Matrix, Int32Column, Int64Column

__all__ = ["Audit", "audit", "choose_slack"]

ROWS: Final = 500
"""Random rows that are joined exactly to choose the slack, and as many others to count what was found."""

CONFIDENCE: Final = 0.95
_SLACKS: Final = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an approximate join found of the pairs of random rows.

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
class Question:
    """A join as the kernels take it."""

    matrix: Float32Matrix
    threshold: float
    groups: Int32Column | None
    rotation: Any
    threads: int


def _chosen(rows: int, part: int) -> Int64Column:
    """The rows of one of the two samples, ascending, always the same."""
    order = np.random.default_rng(rows).permutation(rows)
    return np.sort(order[part * ROWS : (part + 1) * ROWS]).astype(np.int64)


def _keys(i: Int64Column, j: Int64Column) -> npt.NDArray[np.uint64]:
    low, high = np.minimum(i, j).astype(np.uint64), np.maximum(i, j).astype(np.uint64)
    return np.unique(low << np.uint64(32) | high)


def _pairs_of(rows: Int64Column, question: Question, corpus: Any, slack: float) -> npt.NDArray[np.uint64]:
    groups = None if question.groups is None else np.ascontiguousarray(question.groups[rows])
    (query, row, _), *_ = _vec.match_rows(
        np.ascontiguousarray(question.matrix[rows]),
        corpus,
        question.threshold,
        query_groups=groups,
        max_pairs=1 << 40,
        report_faulty=True,
        threads=question.threads,
        slack=slack,
    )
    asked = rows[query]
    return _keys(asked[asked != row], row[asked != row])


def _corpus(question: Question) -> Any:
    return _vec.Corpus(
        question.matrix,
        groups=question.groups,
        report_faulty=True,
        threads=question.threads,
        rotation=question.rotation,
    )


def choose_slack(question: Question, recall: float) -> tuple[float, Any]:
    """The least slack with which the sample's pairs are found, and the corpus for `audit`.

    Exact (1) where the sample has too few pairs to tell.
    """
    corpus = _corpus(question)
    rows = _chosen(len(question.matrix), 0)
    every = _pairs_of(rows, question, corpus, 1.0)
    for slack in _SLACKS:
        found = len(np.intersect1d(_pairs_of(rows, question, corpus, slack), every, assume_unique=True))
        if clopper_pearson(found, len(every), CONFIDENCE)[0] >= recall:
            return slack, corpus
    return 1.0, corpus


def audit(question: Question, corpus: Any, i: Int64Column, j: Int64Column, slack: float) -> Audit:
    """Count what the answer (i, j) has of the pairs of random rows that the slack was not chosen on."""
    rows = _chosen(len(question.matrix), 1)
    every = _pairs_of(rows, question, corpus, 1.0)
    touching = np.isin(i, rows) | np.isin(j, rows)
    found = len(np.intersect1d(every, _keys(i[touching], j[touching]), assume_unique=True))
    low, high = clopper_pearson(found, len(every), CONFIDENCE)
    return Audit(len(rows), len(every), found, found / len(every) if len(every) else 1.0, low, high, slack)
