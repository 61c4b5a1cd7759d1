"""Clusters of rows, from the pairs that a join found.

Three kinds. **Stars** are what merging is based on: every member reaches the threshold with its *canonical*
row, and no two canonical rows do. **Complete** links are the careful kind: every two members reach it.
**Components** chain (A like B like C does not make A like C): on sentence embeddings they hold pairs far below
any threshold, so they are for reports, and `Clusters` says how bad it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from khala_jobs._core import similarity as _core
from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument

from .arguments import counted, instance, one_of
from .intake import read_vectors
from .joins import pair_scores
from .values import (
    BlockCertificate,
    Certificate,
    Float64Column,
    IndexCertificate,
    Int64Column,
    PairColumns,
    Pairs,
)
from .watch import Progress, named, thread_count, watched

__all__ = ["Clusters", "Linkage", "Stars", "cluster", "star_clusters"]

Linkage = Literal["star", "complete", "components"]
_NAMES: Final = {
    "matrix": "vectors",
    "rank": "priority",
    "left": "pairs",
    "right": "pairs",
    "cosine": "pairs",
}
_KERNELS: Final[dict[str, Callable[..., Any]]] = {
    "star": lambda *pairs: _core.star_clusters(*pairs)[0],
    "complete": _core.complete_clusters,
    "components": _core.component_clusters,
}


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Star clusters: every row and the canonical row it belongs to.

    Attributes:
        canonical: int64 [n]; a canonical row names itself.
        score: float64 [n], `sim64` of the row and its canonical row; 1 for canonical rows and their copies.
    """

    canonical: Int64Column
    score: Float64Column


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which cluster every row is in, and what the clusters are like inside.

    Attributes:
        linkage: How they were made.
        threshold: That of the join.
        canonical: int64 [n], for each row the canonical row of its cluster, which names itself. Of complete
            links and components it is the first row in the order of priority; a star may gain rows that are
            before its canonical one, because they are more similar to it than to their first choice.
        score: float64 [n], `sim64` of the row and its canonical row, 1 for canonical rows themselves; NaN
            where it is below the threshold and no vectors were given (components only).
        root: int64 [c], the canonical row of each cluster of two rows or more, ascending.
        size: int64 [c], its number of rows.
        below: int64 [c], pairs of its rows that do not reach the threshold: 0 for complete links, the chain
            alarm for components.
        min_score: float64 [c], the lowest `sim64` of any two of its rows; NaN where ``below`` is not 0 and no
            vectors were given.
        certificate: That of the join.
    """

    linkage: Linkage
    threshold: float
    canonical: Int64Column
    score: Float64Column
    root: Int64Column
    size: Int64Column
    below: Int64Column
    min_score: Float64Column
    certificate: Certificate | IndexCertificate | BlockCertificate

    def __len__(self) -> int:
        """Number of clusters of two rows or more."""
        return len(self.root)

    def members(self, root: int) -> Int64Column:
        """The rows of a cluster, ascending."""
        return np.flatnonzero(self.canonical == root)


def star_clusters(
    pairs: PairColumns, rank: Int64Column, *, representative: Int64Column | None = None
) -> Stars:
    """The star clusters of `cluster` alone, without what they are like inside: for inner loops.

    Args:
        pairs: Who is whose neighbour, in any order.
        rank: int64 [n], distinct; the lowest is preferred as canonical.
        representative: int64 [n], which row stands for which, needed when copies were collapsed. None: that
            of `pairs` if it is a `Pairs`, and else every row stands for itself.

    Raises:
        InvalidArgument: Lengths that differ, rows out of range, or equal ranks.
    """
    if not all(hasattr(pairs, name) for name in ("i", "j", "score")):
        raise InvalidArgument("pairs", f"expected columns i, j and score, got {type(pairs).__name__}")
    if representative is None and isinstance(pairs, Pairs):
        representative = pairs.representative
    names = {**_NAMES, "rank": "rank"}
    return Stars(
        *named(lambda: _core.star_clusters(pairs.i, pairs.j, pairs.score, rank, representative), names)
    )


def cluster(
    pairs: Pairs,
    linkage: Linkage = "star",
    *,
    priority: npt.NDArray[Any] | Sequence[Any] | None = None,
    vectors: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Clusters:
    """Cluster the rows of a join; the answer depends on `priority`, never on the order of rows or pairs.

    Args:
        pairs: From `find_pairs` or `SimilarityIndex.pairs`.
        linkage: "star": the first row in the order of priority becomes canonical and takes its neighbours
            out of the running, then the first of the rest, and so on; a row with several canonical
            neighbours joins the most similar one. "complete": the two clusters whose least similar rows are
            most similar become one, as long as all pairs between them reach the threshold. "components":
            whatever is connected. Equal scores are decided by priority; copies of a row follow it.
        priority: One key a row, anything that sorts (numbers, tuples); the lowest is preferred as canonical.
            Equal keys are told apart by the ids of `pairs`, which then must be distinct. None: by ids alone,
            and where there are none by row number (then the order of rows does count).
        vectors: The vectors of the join, for scores below its threshold.
        threads: As in `find_pairs`; for those scores.
        progress: As in `find_pairs`; for those scores, whose cost grows with the square of the largest
            cluster.

    Raises:
        InvalidArgument: An argument is not as documented, two rows cannot be told apart by their keys, or
            `vectors` are not those of `pairs`.
    """
    instance("pairs", pairs, Pairs)
    one_of("linkage", linkage, get_args(Linkage))
    rank = _rank(pairs, priority)
    columns = pairs.i, pairs.j, pairs.score, rank, pairs.representative
    canonical: Int64Column = named(lambda: _KERNELS[linkage](*columns), _NAMES)
    inside = (
        _counted(pairs, canonical)
        if vectors is None
        else _measured(pairs, canonical, vectors, threads, progress)
    )
    score = _own_scores(pairs, canonical, vectors)
    return Clusters(linkage, pairs.certificate.threshold, canonical, score, *inside, pairs.certificate)


def _rank(pairs: Pairs, priority: npt.NDArray[Any] | Sequence[Any] | None) -> Int64Column:
    """The place of each row in the order of (priority, id)."""
    rows = len(pairs.representative)
    if priority is not None:
        counted("priority", priority, rows)
    if priority is None and pairs.ids is None:
        return np.arange(rows, dtype=np.int64)
    keys = priority.tolist() if isinstance(priority, np.ndarray) else priority
    parts = [part for part in (keys, pairs.ids) if part is not None]
    order_keys = list(zip(*parts, strict=True))
    try:
        order = sorted(range(rows), key=order_keys.__getitem__)
    except TypeError as error:
        raise InvalidArgument("priority", f"holds keys that cannot be compared: {error}") from None
    for one, two in pairwise(order):
        if order_keys[one] == order_keys[two]:
            raise InvalidArgument(
                "priority",
                f"rows {one} and {two} have the same key {order_keys[one]!r}; a total order is needed",
            )
    rank = np.empty(rows, np.int64)
    rank[order] = np.arange(rows)
    return rank


_Inside = tuple[Int64Column, Int64Column, Int64Column, Float64Column]


def _measured(
    pairs: Pairs, canonical: Int64Column, vectors: Any, threads: int | None, progress: Progress | None
) -> _Inside:
    """Size, pairs below and lowest score of each cluster, from the vectors."""
    matrix = read_vectors(vectors, faulty="quarantine").matrix
    if len(matrix) != len(canonical):
        raise InvalidArgument("vectors", f"{len(matrix)} rows, and the pairs are of {len(canonical)}")

    def kernel(watch: _vec.Progress) -> Any:
        return _core.inner_pairs(
            matrix, canonical, pairs.certificate.threshold, threads=thread_count(threads), progress=watch
        )

    root, size, lowest, below = named(lambda: watched(kernel, matrix.size, progress), _NAMES)
    return root, size, below, lowest


def _counted(pairs: Pairs, canonical: Int64Column) -> _Inside:
    """The same from the pairs alone: what is not among them is below the threshold, and that is all we know."""
    rows = len(canonical)
    size = np.bincount(canonical, minlength=rows).astype(np.int64)
    inner = np.zeros(rows, np.int64)
    lowest = np.ones(rows, np.float64)
    mine = canonical[pairs.i] == canonical[pairs.j]
    i, j, score = pairs.i[mine], pairs.j[mine], pairs.score[mine]
    weight = np.ones(len(i), np.int64)
    if pairs.copies == "collapse":
        count = np.bincount(pairs.representative, minlength=rows).astype(np.int64)
        weight = count[i] * count[j]
        copied = np.flatnonzero(count > 1)
        np.add.at(inner, canonical[copied], count[copied] * (count[copied] - 1) // 2)
    np.add.at(inner, canonical[i], weight)
    np.minimum.at(lowest, canonical[i], score)
    root = np.flatnonzero(size > 1)
    below = size[root] * (size[root] - 1) // 2 - inner[root]
    return root, size[root], below, np.where(below == 0, lowest[root], np.nan)


def _own_scores(pairs: Pairs, canonical: Int64Column, vectors: Any) -> Float64Column:
    """The score of each row and its canonical row."""
    rows = len(canonical)
    row = np.arange(rows, dtype=np.int64)
    own, other = pairs.representative, pairs.representative[canonical]
    score = np.ones(rows, np.float64)
    apart = np.flatnonzero((own != other) & (row != canonical))
    low, high = np.minimum(own, other)[apart], np.maximum(own, other)[apart]
    known = pairs.i * rows + pairs.j  # ascending, as the pairs are
    wanted = low * rows + high
    place = np.minimum(np.searchsorted(known, wanted), max(len(known) - 1, 0))
    found = known[place] == wanted if len(known) else np.zeros(len(wanted), np.bool_)
    score[apart[found]] = pairs.score[place[found]]
    missing = apart[~found]
    if len(missing):
        score[missing] = np.nan if vectors is None else pair_scores(vectors, missing, canonical[missing])
    return score
