"""The vector kernels that planners call, as one value that is passed in.

The module `khala_jobs.vec` is such a value: its kernels are compiled, exact and release the GIL, so planners
run in a thread beside the event loop. Passing it keeps planners pure and lets tests check a plan against a
plain NumPy computation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from khala_jobs.vec_results import Float32Matrix, Float64Column, Int32Column, Int64Column, PairColumns

__all__ = ["Edges", "Kernels", "columns", "compiled_kernels"]


@dataclass(frozen=True, slots=True)
class Edges:
    """Pairs of rows with their cosine, as columns of equal length."""

    left: Int64Column
    right: Int64Column
    cosine: Float64Column


class _Stars(Protocol):
    @property
    def canonical(self) -> Int64Column: ...


class _Decay(Protocol):
    @property
    def score(self) -> Float64Column: ...


class Kernels(Protocol):
    """What planners need of vector arithmetic; see the functions of these names in `khala_jobs.vec`."""

    def find_pairs(self, matrix: Float32Matrix, threshold: float, groups: Int32Column, /) -> PairColumns:
        """Every pair of rows of one group whose cosine reaches a threshold, the lower row left."""

    def star_clusters(self, pairs: PairColumns, rank: Int64Column, /) -> _Stars:
        """Greedy star clusters in rank order: for each row its canonical row."""

    def decay_scores(
        self, importance: Float64Column, age: Float64Column, half_life: Float64Column,
        model: Literal["khala_compat", "half_life"], /,
    ) -> _Decay:  # fmt: skip
        """What is left of each importance, at most 1."""


def columns(pairs: Iterable[tuple[int, int, float]]) -> Edges:
    """Pairs as columns."""
    rows = list(pairs)
    return Edges(
        np.array([i for i, _, _ in rows], dtype=np.int64),
        np.array([j for _, j, _ in rows], dtype=np.int64),
        np.array([cosine for _, _, cosine in rows], dtype=np.float64),
    )


def compiled_kernels() -> Kernels:
    """`khala_jobs.vec`, imported when first needed."""
    from khala_jobs import vec

    return vec
