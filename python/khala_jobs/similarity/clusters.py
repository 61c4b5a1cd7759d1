"""Clusters of rows, from the pairs that a join found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument

from .intake import read_vectors
from .values import Float64Column, Int64Column, PairColumns, Pairs
from .watch import Progress, named, thread_count, watched

__all__ = ["Components", "Stars", "components", "star_clusters"]

_NAMES = {"matrix": "vectors", "rank": "priority"}


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Star clusters: every row and the canonical row it belongs to.

    Attributes:
        canonical: int64 [n]; a canonical row names itself.
        score: float64 [n], `sim64` of the row and its canonical row; 1 for canonical rows and their copies.
        cluster_count: Number of canonical rows.
    """

    canonical: Int64Column
    score: Float64Column
    cluster_count: int


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """Connected components: a diagnostic of how far similarity chains, not something to merge by.

    Attributes:
        label: int64 [n], for each row the lowest row of its component.
        root: int64 [c], the label of each component of two rows or more, ascending.
        size: int64 [c], its number of rows.
        min_score: float64 [c], the lowest `sim64` of any two of its rows.
    """

    label: Int64Column
    root: Int64Column
    size: Int64Column
    min_score: Float64Column


def star_clusters(
    pairs: PairColumns,
    priority: Int64Column,
    n: int | None = None,
    *,
    representative: Int64Column | None = None,
) -> Stars:
    """Cluster rows around canonical rows: the greedy maximal independent set in the order of `priority`.

    The first row becomes canonical and takes its neighbours out of the running, then the first of the rest,
    and so on. Every member is a neighbour of its canonical row, so at least as similar to it as the threshold
    of the join; no two canonical rows are neighbours; and the answer does not depend on the order of the
    rows. A row with several canonical neighbours joins the most similar one (equal scores: the earlier in
    `priority`). Copies of a row follow it.

    Args:
        pairs: Who is whose neighbour: from `find_pairs`, whole or filtered.
        priority: int64 [n], distinct; the lowest is preferred as canonical.
        n: Number of rows, if `priority` should be checked against it.
        representative: int64 [n], which row stands for which, needed when copies were collapsed. None: that
            of `pairs` if it is a `Pairs`, and else every row stands for itself.

    Returns:
        For every row its canonical row; a row in no pair is its own.

    Raises:
        InvalidArgument: Lengths that differ, rows out of range, or equal priorities.
    """
    if n is not None and np.shape(priority) != (n,):
        raise InvalidArgument("priority", f"shape {np.shape(priority)} for {n} rows")
    if representative is None and isinstance(pairs, Pairs):
        representative = pairs.representative
    return Stars(
        *named(lambda: _vec.star_clusters(pairs.i, pairs.j, pairs.score, priority, representative), _NAMES)
    )


def components(
    vectors: Any, pairs: Pairs, *, threads: int | None = None, progress: Progress | None = None
) -> Components:
    """Label connected components and find the lowest score inside each.

    The cost grows with the square of the largest component.

    Args:
        vectors: The [n, dim] that `pairs` was found in.
        pairs: From `find_pairs`.
        threads: As in `find_pairs`.
        progress: As in `find_pairs`.

    Returns:
        Labels for all rows; size and lowest inner score for components of two rows or more.

    Raises:
        InvalidArgument: `pairs` does not belong to `vectors`.
    """
    matrix = read_vectors(vectors, faulty="quarantine").matrix

    def kernel(watch: _vec.Progress) -> Any:
        return _vec.components(
            matrix,
            pairs.i,
            pairs.j,
            pairs.score,
            pairs.representative,
            threads=thread_count(threads),
            progress=watch,
        )

    return Components(*named(lambda: watched(kernel, matrix.size, progress), _NAMES))
