"""Joins that may miss a few pairs, and say how few: the exact join with less slack, audited on random rows.

What an exact join rules out is farther apart than any pair could be, by a proof. Few pairs come near that limit:
an approximate join rules out what is farther apart than a share of it. The share is chosen so that it finds the
wanted part of the pairs of some random rows, which are joined exactly; how much the whole join found is then
counted on other random rows, and reported with its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from khala_jobs._core import vec as _vec

from .interval import clopper_pearson
from .values import Audit, Float32Matrix, Int32Column, Int64Column

__all__ = ["Mode", "Question", "audit", "choose_slack"]

Mode = Literal["exact", "approximate"]

ROWS: Final = 500
"""Random rows that are joined exactly to choose the slack, and as many others to count what was found; half of the
rows each where there are fewer than 1,000."""

CONFIDENCE: Final = 0.95
_SLACKS: Final = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A join as the kernels take it."""

    matrix: Float32Matrix
    threshold: float
    groups: Int32Column | None
    quarantine: bool
    rotation: Any
    threads: int


def _chosen(rows: int, part: int) -> Int64Column:
    """The rows of one of the two samples, ascending, always the same."""
    size = min(ROWS, rows // 2)
    order = np.random.default_rng(rows).permutation(rows)
    return np.sort(order[part * size : (part + 1) * size]).astype(np.int64)


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
        report_faulty=question.quarantine,
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


def audit(
    question: Question,
    corpus: Any,
    pairs: tuple[Int64Column, Int64Column],
    slack: float,
    representative: Int64Column | None,
) -> Audit:
    """Count what an answer has of the pairs of random rows that the slack was not chosen on.

    Args:
        question: What was asked.
        corpus: Its rows.
        pairs: The answer.
        slack: With which it was found.
        representative: Of each row, where the answer is about those alone.
    """
    rows = _chosen(len(question.matrix), 1)
    if representative is not None:
        rows = rows[representative[rows] == rows]
    every = _pairs_of(rows, question, corpus, 1.0)
    if representative is not None:
        every = every[representative[(every >> np.uint64(32)).astype(np.int64)] == every >> np.uint64(32)]
        low = every & np.uint64(0xFFFFFFFF)
        every = every[representative[low.astype(np.int64)] == low]
    i, j = pairs
    touching = np.isin(i, rows) | np.isin(j, rows)
    found = len(np.intersect1d(every, _keys(i[touching], j[touching]), assume_unique=True))
    low_end, high_end = clopper_pearson(found, len(every), CONFIDENCE)
    recall = found / len(every) if len(every) else 1.0
    return Audit(len(rows), len(every), found, recall, low_end, high_end, slack)
