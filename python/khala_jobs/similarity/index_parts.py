"""What `SimilarityIndex` is made of: edges, ids by row, counts, and matches with an encoded base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, overload

import numpy as np

from khala_jobs._core import vec as _vec

from .arguments import pair_limit
from .values import Float32Matrix, Float64Column, Int32Column, Int64Column
from .watch import Progress, watched

Id = str | int
Group = str | int | None

EDGE_TYPE: Final = np.dtype([("i", "<i8"), ("j", "<i8"), ("score", "<f8")])
COUNTS: Final = (
    "pairs_evaluated",
    "pairs_ruled_out",
    "pairs_coded",
    "first_stage",
    "candidates",
    "rechecked",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What joins did, for the certificate of an index.

    Attributes:
        counts: `COUNTS` of them all.
        plans: The plan of each.
        seconds: Their time.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    plans: tuple[Mapping[str, str | int | float], ...] = ()
    seconds: float = 0.0

    @classmethod
    def of(cls, certificate: Any) -> Work:
        """Of the certificate of one join, as the kernels or as `find_pairs` give it."""
        values = certificate if isinstance(certificate, Mapping) else asdict(certificate)
        counts = {name: values[name] for name in COUNTS}
        return cls(counts, (values["plan"],), sum(values["seconds"].values()))

    def __add__(self, other: Work) -> Work:
        counts = {name: self.counts[name] + other.counts[name] for name in COUNTS}
        return Work(counts, self.plans + other.plans, self.seconds + other.seconds)


Part = tuple[Int64Column, Int64Column, Float64Column, Work]
"""Slots, queries and scores of matches, and how they were found."""


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
        return row, query, score, Work.of(certificate)
