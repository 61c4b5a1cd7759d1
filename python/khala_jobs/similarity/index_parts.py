"""What `SimilarityIndex` is made of: edges, ids by row, counts, and matches with an encoded base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, overload

import numpy as np

from khala_jobs._core import vec as _vec

from .arguments import pair_limit
from .values import Float32Matrix, Float64Column, Int32Column, Int64Column
from .watch import Progress, watched

Id = str | int
Group = str | int | None

EDGE_TYPE: Final = np.dtype([("i", "<i8"), ("j", "<i8"), ("score", "<f8")])
COUNTS: Final = ("pairs_evaluated", "candidates", "rechecked")

Part = tuple[Int64Column, Int64Column, Float64Column, dict[str, int]]
"""Slots, queries and scores of matches, and the counts of the certificate."""


class Ids(Sequence[Id]):
    """The ids of rows, looked up by slot when asked for."""

    def __init__(self, by_slot: list[Id], slots: Int64Column) -> None:
        self._by_slot, self._slots = by_slot, slots

    def __len__(self) -> int:
        return len(self._slots)

    @overload
    def __getitem__(self, place: int) -> Id: ...
    @overload
    def __getitem__(self, place: slice) -> list[Id]: ...
    def __getitem__(self, place: int | slice) -> Id | list[Id]:
        if isinstance(place, slice):
            return [self._by_slot[slot] for slot in self._slots[place].tolist()]
        return self._by_slot[int(self._slots[place])]


def edges_of(i: Int64Column, j: Int64Column, score: Float64Column) -> Any:
    """Edges out of columns."""
    edges = np.empty(len(i), EDGE_TYPE)
    edges["i"], edges["j"], edges["score"] = i, j, score
    return edges


def counts_of(certificate: Any) -> dict[str, int]:
    """What an index adds up of a certificate."""
    return {name: getattr(certificate, name) for name in COUNTS}


def added(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    """The sums."""
    return {name: sum(count[name] for count in counts) for name in COUNTS}


class EncodedBase:
    """Rows that are checked and encoded once, for many matches.

    Args:
        rows: float32 [n, dim]; must stay as they are.
        groups: int32 [n].
        threads: 1..64.
    """

    def __init__(self, rows: Float32Matrix, groups: Int32Column, threads: int) -> None:
        self._size, self._threads = rows.size, threads
        self._corpus = _vec.Corpus(rows, groups=groups, threads=threads)

    def match(
        self,
        queries: Float32Matrix,
        threshold: float,
        groups: Int32Column,
        k: int | None,
        max_pairs: int | None,
        progress: Progress | None,
    ) -> Part:
        """As `khala_jobs.similarity.match`."""
        limit = pair_limit(max_pairs)

        def kernel(watch: _vec.Progress) -> Any:
            return _vec.match_rows(
                queries,
                self._corpus,
                threshold,
                query_groups=groups,
                best=k or 0,
                max_pairs=limit,
                threads=self._threads,
                progress=watch,
            )

        (query, row, score), _, _, certificate = watched(kernel, queries.size + self._size, progress)
        return row, query, score, {name: certificate[name] for name in COUNTS}
