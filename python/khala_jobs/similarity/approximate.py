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
from khala_jobs.errors import InvalidArgument

from .arguments import INT64_MAX
from .interval import clopper_pearson
from .values import Audit, Float32Matrix, Int32Column, Int64Column

__all__ = ["Mode", "Question", "Sampler"]

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
    max_pairs: int
    threads: int


class Sampler:
    """What random rows are joined with: of each set of identical rows one, as the join compares them.

    Copies are found however little slack there is. If they counted, a thousand of one row could hide that most
    other pairs are missed.

    Args:
        question: What is asked. Where rows have copies, a matrix without these is made and held as well.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._rows = _distinct_rows(question)
        matrix, groups = question.matrix, question.groups
        if len(self._rows) < len(matrix):
            matrix = np.ascontiguousarray(matrix[self._rows])
            groups = None if groups is None else np.ascontiguousarray(groups[self._rows])
        self._matrix, self._groups = matrix, groups
        self._corpus = _vec.Corpus(
            matrix,
            groups=groups,
            report_faulty=question.quarantine,
            threads=question.threads,
            rotation=question.rotation,
        )

    def choose_slack(self, recall: float) -> float:
        """The least slack with which the sample's pairs are found; exact (1) where it has too few to tell."""
        chosen = self._chosen(0)
        every = self._pairs_of(chosen, 1.0)
        for slack in _SLACKS:
            found = len(np.intersect1d(self._pairs_of(chosen, slack), every, assume_unique=True))
            if clopper_pearson(found, len(every), CONFIDENCE)[0] >= recall:
                return slack
        return 1.0

    def audit(self, pairs: tuple[Int64Column, Int64Column], slack: float) -> Audit:
        """Count what an answer has of the pairs of random rows that the slack was not chosen on.

        Args:
            pairs: The answer.
            slack: With which it was found.
        """
        chosen = self._chosen(1)
        every = self._pairs_of(chosen, 1.0)
        i, j = pairs
        rows = self._rows[chosen]
        touching = np.isin(i, rows) | np.isin(j, rows)
        found = len(np.intersect1d(every, _keys(i[touching], j[touching]), assume_unique=True))
        low_end, high_end = clopper_pearson(found, len(every), CONFIDENCE)
        recall = found / len(every) if len(every) else 1.0
        return Audit(len(chosen), len(every), found, recall, low_end, high_end, slack)

    def _chosen(self, part: int) -> Int64Column:
        """The distinct rows of one of the two samples, ascending, always the same."""
        count = len(self._rows)
        size = min(ROWS, count // 2)
        order = np.random.default_rng(count).permutation(count)
        return np.sort(order[part * size : (part + 1) * size]).astype(np.int64)

    def _pairs_of(self, chosen: Int64Column, slack: float) -> npt.NDArray[np.uint64]:
        """The pairs of some distinct rows, by the numbers that rows have in the question."""
        asked, limit = self._question, self._question.max_pairs
        groups = None if self._groups is None else np.ascontiguousarray(self._groups[chosen])
        try:
            (query, row, _), *_ = _vec.match_rows(
                np.ascontiguousarray(self._matrix[chosen]),
                self._corpus,
                asked.threshold,
                query_groups=groups,
                # A pair of the answer may be found from both sides, and every row finds itself.
                max_pairs=min(2 * limit + len(chosen), INT64_MAX),
                report_faulty=True,
                threads=asked.threads,
                slack=slack,
            )
        except InvalidArgument as error:
            if error.field != "max_pairs":
                raise
            message = f"more than {limit} pairs reach the threshold {asked.threshold}"
            raise InvalidArgument("max_pairs", message) from None
        other = chosen[query] != row
        return _keys(self._rows[chosen[query[other]]], self._rows[row[other]])


def _distinct_rows(question: Question) -> Int64Column:
    """The rows that stand for themselves: the lowest of each set of identical ones."""
    join = _vec.BlockJoin(
        question.matrix,
        question.threshold,
        groups=question.groups,
        collapse_copies=True,
        report_faulty=question.quarantine,
        threads=question.threads,
        method="products",  # which needs no rows encoded: no block of it is joined
    )
    representative = join.run(0, 0)[1]
    return np.flatnonzero(representative == np.arange(len(representative)))


def _keys(i: Int64Column, j: Int64Column) -> npt.NDArray[np.uint64]:
    """One number a pair, ascending, each once. Sorted: `np.unique` hashes, which takes minutes for millions."""
    low, high = np.minimum(i, j).astype(np.uint64), np.maximum(i, j).astype(np.uint64)
    keys = np.sort(low << np.uint64(32) | high)
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return np.asarray(keys[first])
