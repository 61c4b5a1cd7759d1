"""The vector arithmetic that planners call, as one value that is passed in.

`CompiledKernels` are exact, run in C++ and release the GIL, so planners run in a thread beside the event loop.
Passing them keeps planners pure and lets tests check a plan against a plain NumPy computation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from khala_jobs import similarity
from khala_jobs.similarity.values import Float32Matrix, Float64Column, Int32Column, Int64Column, PairColumns

from . import decay
from .policy import Formula

__all__ = ["CompiledKernels", "Edges", "Kernels", "columns"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Pairs of rows with their cosine, as columns of equal length."""

    i: Int64Column
    j: Int64Column
    score: Float64Column


class _Stars(Protocol):
    @property
    def canonical(self) -> Int64Column: ...


class _Decay(Protocol):
    @property
    def score(self) -> Float64Column: ...


class Kernels(Protocol):
    """What planners need of vector arithmetic."""

    def find_pairs(self, matrix: Float32Matrix, threshold: float, groups: Int32Column, /) -> PairColumns:
        """Every pair of rows of one group whose cosine reaches a threshold, the lower row first."""

    def star_clusters(self, pairs: PairColumns, rank: Int64Column, /) -> _Stars:
        """Greedy star clusters in rank order: for each row its canonical row."""

    def decay_scores(
        self, importance: Float64Column, age: Float64Column, half_life: Float64Column, model: Formula, /
    ) -> _Decay:
        """What is left of each importance, at most 1."""


class CompiledKernels:
    """The kernels of `khala_jobs.similarity` and `decay`."""

    @staticmethod
    def find_pairs(matrix: Float32Matrix, threshold: float, groups: Int32Column, /) -> PairColumns:
        """`khala_jobs.similarity.find_pairs` in one thread."""
        return similarity.find_pairs(matrix, threshold, groups=groups, threads=1)

    @staticmethod
    def star_clusters(pairs: PairColumns, rank: Int64Column, /) -> _Stars:
        """`khala_jobs.similarity.star_clusters`."""
        return similarity.star_clusters(pairs, rank)

    @staticmethod
    def decay_scores(
        importance: Float64Column, age: Float64Column, half_life: Float64Column, model: Formula, /
    ) -> _Decay:
        """`decay.decay_scores`."""
        return decay.decay_scores(importance, age, half_life, model)


def columns(pairs: Iterable[tuple[int, int, float]]) -> Edges:
    """Pairs as columns."""
    rows = list(pairs)
    return Edges(
        np.array([i for i, _, _ in rows], dtype=np.int64),
        np.array([j for _, j, _ in rows], dtype=np.int64),
        np.array([cosine for _, _, cosine in rows], dtype=np.float64),
    )
