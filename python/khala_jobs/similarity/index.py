"""`SimilarityIndex`: a join that is kept up to date.

The index stores vectors and every pair of them at or above its own threshold, its *edges*. So

* appending costs the join of the new rows with what is there and with each other, and nothing else;
* deleting costs no vector arithmetic at all;
* any threshold from the index's own upwards, and any clustering, needs the edges alone.

Its answers are those of `find_pairs` on the rows it holds, bit for bit: that is how it is tested.

A large base is encoded at its first use, so that a later append or match costs its own rows alone. How rows are kept
says index_rows.py; `save` writes them, without the empty slots, as one new file. One object is to be used from one
thread at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import orjson

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument, StoreCorrupt

from .arguments import cosine, counted, instance, pair_limit, whole
from .index_file import Column, read_columns, write_columns
from .index_parts import COUNTS, EDGE_TYPE, EncodedBase, Group, Id, Part, Work, edges_of
from .index_rows import GONE, IndexRows, check_savable
from .intake import read_vectors
from .joins import find_pairs, match, pair_set_hash
from .values import Faulty, Float32Matrix, IndexCertificate, Matches, Pairs, RowFault
from .watch import Progress, thread_count

__all__ = ["SimilarityIndex"]


_ENCODE_ROWS: Final = 20_000  # a smaller base is encoded faster than anybody could notice


class SimilarityIndex:
    """Vectors with an id and a group each, and all pairs within a group from a threshold on.

    Args:
        dim: Length of a vector, 1..65,536.
        threshold: Cosine from which on pairs are stored, -1..1; lower costs more memory (24 bytes a pair).
        model_id: Name of the embedding model, stored with the vectors; `load` can ask for it.
        threads: As in `find_pairs`.
        max_pairs: Most pairs that one append may add.

    Raises:
        InvalidArgument: An argument is not as documented.
    """

    def __init__(
        self,
        dim: int,
        threshold: float = 0.80,
        *,
        model_id: str | None = None,
        threads: int | None = None,
        max_pairs: int | None = None,
    ) -> None:
        instance("model_id", model_id, str, or_none=True)
        check_savable("model_id", [model_id])
        thread_count(threads)
        pair_limit(max_pairs)
        self.dim = dim = whole("dim", dim, 1, 65_536)
        self.threshold, self.model_id = cosine("threshold", threshold), model_id
        self.threads, self.max_pairs = threads, max_pairs
        self._rows = IndexRows(dim)
        self._edges = np.empty(0, EDGE_TYPE)  # by slots, ascending
        self._fresh: list[np.ndarray[Any, Any]] = []  # edges since then
        self._counts: Mapping[str, int] = dict.fromkeys(COUNTS, 0)
        self._encoded: EncodedBase | None = None

    # --- what is in it ------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._rows.slot_of

    @property
    def ids(self) -> Sequence[Id]:
        """The ids, in the order in which rows were appended: row r of every answer is ``ids[r]``."""
        return self._rows.row_ids()

    @property
    def groups(self) -> list[Group]:
        """The group of each row."""
        return self._rows.row_groups()

    def vectors(self) -> Float32Matrix:
        """A copy of the vectors, float32 [n, dim], row by row."""
        return self._rows.vectors()

    @property
    def empty_slots(self) -> int:
        """Deleted rows whose memory `compact` would free."""
        return self._rows.empty_slots

    # --- changes ------------------------------------------------------------------------------------------

    def append(
        self,
        vectors: Any,
        ids: Sequence[Id],
        groups: Sequence[Group] | None = None,
        *,
        faulty: Faulty = "refuse",
        progress: Progress | None = None,
    ) -> Pairs:
        """Add rows; all of them, or none when this raises.

        Args:
            vectors: [m, dim], as in `find_pairs`.
            ids: m ids, none of them in the index yet: str, or int in -2^63..2^64-1.
            groups: m groups; rows of different groups are never compared. None: all in the group None.
            faulty: "refuse", or leave faulty rows out and list them in ``faults`` ("quarantine").
            progress: As in `find_pairs`, for the join with each part in turn.

        Returns:
            The pairs that have a new row, numbered as in `ids` of the index.

        Raises:
            InvalidArgument: An argument is not as documented, an id is there already, or there are too many
                new pairs.
        """
        read = read_vectors(vectors, dim=self.dim, faulty=faulty)
        numbers, new_groups = self._rows.check_new(len(read.matrix), ids, groups)
        within = find_pairs(
            read.matrix, self.threshold, groups=numbers, faulty=faulty, **self._limits(progress)
        )
        refused = {fault.row for fault in (*within.faults, *read.faults)}
        kept = np.array([row for row in range(len(ids)) if row not in refused], np.int64)
        fresh, work = read.matrix[kept] if refused else read.matrix, Work.of(within.certificate)
        place = np.full(len(ids), -1, np.int64)
        place[kept] = np.arange(len(kept))
        first = len(self._rows.ids)
        found = [edges_of(place[within.i] + first, place[within.j] + first, within.score)]
        if len(fresh) and self._rows.ids:
            for row, query, score, done in self._matches(
                fresh, self.threshold, numbers[kept], None, progress
            ):
                found.append(edges_of(row, query + first, score))
                work += done
        edges = np.sort(np.concatenate(found), order=("i", "j"))
        self._check_count(len(edges))
        self._rows.add(fresh, [ids[row] for row in kept.tolist()], numbers[kept], new_groups)
        if len(edges):
            self._fresh.append(edges)
        self._counts = (Work(self._counts) + work).counts
        known = {fault.row: fault for fault in read.faults}
        faults = tuple(known.get(fault.row, fault) for fault in within.faults)
        return self._answer(edges, self.threshold, work, faults)

    def delete(self, ids: Iterable[Id]) -> None:
        """Take rows out; all of them, or none when this raises. Their pairs go with them.

        Raises:
            InvalidArgument: `ids` is no iterable of ids, or one text.
            NotFound: An id is not in the index.
        """
        self._rows.remove(ids)

    def compact(self) -> None:
        """Free the memory of deleted rows; no answer changes."""
        edges = self._live_edges()
        self._rows = self._rows.compacted()
        self._encoded = None
        self._edges, self._fresh = edges, []

    # --- answers ------------------------------------------------------------------------------------------

    def pairs(self, threshold: float | None = None) -> Pairs:
        """All pairs at or above a threshold: those of `find_pairs` on the rows of the index.

        Args:
            threshold: The index's own or higher; None for its own.

        Raises:
            InvalidArgument: It is below the threshold of the index, whose pairs are not stored.
        """
        wanted = self.threshold if threshold is None else cosine("threshold", threshold)
        if not self.threshold <= wanted <= 1.0:
            raise InvalidArgument(
                "threshold", f"{wanted} is not in {self.threshold}..1: pairs below are not stored"
            )
        edges = self._live_edges()
        return self._answer(edges[edges["score"] >= wanted], wanted, Work(self._counts), (), by_slot=False)

    def match(
        self,
        queries: Any,
        threshold: float,
        *,
        k: int | None = None,
        groups: Sequence[Group] | None = None,
        progress: Progress | None = None,
    ) -> Matches:
        """Find for every query the rows whose cosine to it is at least `threshold`, which may be any.

        Args:
            queries: [q, dim], as in `find_pairs`.
            threshold: Cosine, -1..1.
            k: At most this many rows for each query, as in `match`.
            groups: q groups; a query is compared with rows of its own group only. None: the group None.
            progress: As in `append`.

        Returns:
            As `khala_jobs.similarity.match`; ``row`` numbers as in `ids`.

        Raises:
            InvalidArgument: As `match`.
        """
        asked = read_vectors(queries, "queries", dim=self.dim).matrix
        threshold, k = cosine("threshold", threshold), None if k is None else whole("k", k, 1)
        wanted = [None] * len(asked) if groups is None else groups
        counted("groups", wanted, len(asked), "queries")
        numbers = np.array([self._rows.group_numbers.get(group, GONE - 1) for group in wanted], np.int32)
        parts = list(self._matches(asked, threshold, numbers, k, progress))
        none = np.empty(0, np.int64)
        row = np.concatenate([none, *(part[0] for part in parts)])
        query = np.concatenate([none, *(part[1] for part in parts)])
        score = np.concatenate([np.empty(0), *(part[2] for part in parts)])
        order = np.lexsort((row, -score, query))
        if k is not None:
            begin = np.searchsorted(query[order], query[order])
            order = order[np.arange(len(order)) - begin < k]
        work = sum((part[3] for part in parts), Work())
        columns = query[order], self._rows.rank()[row[order]]
        certificate = self._certificate(threshold, len(order), pair_set_hash(*columns), work)
        return Matches(*columns, score[order], (), (), certificate)

    # --- files --------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file, whole or not at all: beside it first, synced, then renamed.

        Raises:
            StoreFull: The disk is full; the old file is untouched.
            StoreIO: The operating system refused; the old file is untouched.
        """
        meta = {
            "dim": self.dim,
            "threshold": self.threshold,
            "model_id": self.model_id,
            "groups": list(self._rows.group_numbers),
            "work": dict(self._counts),
        }
        slots = self._rows.slots()
        ids = orjson.dumps(list(self.ids))
        columns = {
            "vectors": Column("<f4", (len(slots), self.dim), self._rows.blocks()),
            "group": Column.of(self._rows.groups[slots].astype("<i4", copy=False)),
            "ids": Column.of(np.frombuffer(ids, np.uint8)),
            "edges": Column.of(self._live_edges().view("<i8").reshape(-1, 3)),
        }
        write_columns(path, meta, columns)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        model_id: str | None = None,
        verify: bool = True,
        threads: int | None = None,
        max_pairs: int | None = None,
    ) -> Self:
        """Open a file that `save` wrote. The vectors stay mapped, so they need no memory of their own.

        Args:
            path: The file; it may be replaced meanwhile, but must not be written into.
            model_id: Refuse the file unless it is of this embedding model. None: any.
            verify: Whether to compare all checksums, which reads the whole file once.
            threads: As in the constructor.
            max_pairs: As in the constructor.

        Raises:
            NotFound: No such file.
            SchemaMismatch: It is another kind of file, or a newer version's.
            StoreCorrupt: It is damaged or cut short.
            StoreIO: The operating system refused.
            InvalidArgument: It is of another embedding model.
        """
        meta, columns = read_columns(path, verify=verify)
        if model_id is not None and meta["model_id"] != model_id:
            raise InvalidArgument("model_id", f"{path} is of {meta['model_id']!r}, not of {model_id!r}")
        index = cls(
            meta["dim"], meta["threshold"], model_id=meta["model_id"], threads=threads, max_pairs=max_pairs
        )
        base, groups = columns["vectors"], columns["group"].astype(np.int32)
        ids = orjson.loads(columns["ids"].tobytes())
        if not len(ids) == len(base) == len(groups):
            raise StoreCorrupt("path", f"{path} is damaged: its columns have different lengths")
        numbers = {group: number for number, group in enumerate(meta["groups"])}
        index._rows = IndexRows.of(base, ids, groups, numbers)
        index._edges = np.ascontiguousarray(columns["edges"]).view(EDGE_TYPE).reshape(-1).copy()
        index._counts = {name: meta["work"].get(name, 0) for name in COUNTS}  # older files have fewer
        return index

    # --- inside -------------------------------------------------------------------------------------------

    def _limits(self, progress: Progress | None) -> dict[str, Any]:
        return {"threads": self.threads, "max_pairs": self.max_pairs, "progress": progress}

    def _matches(
        self, queries: Float32Matrix, threshold: float, numbers: Any, k: int | None, progress: Progress | None
    ) -> Iterator[Part]:
        """Matches with the base, then those with the tail."""
        rows = self._rows
        parts = [part for part in rows.parts() if len(part[0])]
        for part, start in parts or rows.parts()[:1]:  # an empty index refuses what a filled one does
            groups = rows.groups[start : start + len(part)]
            if part is rows.base and len(part) >= _ENCODE_ROWS and (k is None or (groups != GONE).all()):
                if self._encoded is None:
                    self._encoded = EncodedBase(part, groups.copy(), thread_count(self.threads))
                row, query, score, work = self._encoded.match(
                    queries, threshold, numbers, k, self.max_pairs, progress
                )
                there = groups[row] != GONE  # rows may have been deleted since they were encoded
                yield row[there], query[there], score[there], work
                continue
            found = match(
                queries,
                part,
                threshold,
                k=k,
                query_groups=numbers,
                corpus_groups=groups,
                **self._limits(progress),
            )
            yield found.row + start, found.query, found.score, Work.of(found.certificate)

    def _check_count(self, pairs: int) -> None:
        if self.max_pairs is not None and pairs > self.max_pairs:
            raise InvalidArgument("max_pairs", f"more than {self.max_pairs} pairs would be added")

    def _live_edges(self) -> Any:
        """Edges between rows that are there, by rows, ascending."""
        if self._fresh:
            self._edges = np.sort(np.concatenate([self._edges, *self._fresh]), order=("i", "j"))
            self._fresh = []
        edges = self._edges
        if self._rows.empty_slots:
            there = self._rows.groups != GONE
            edges = edges[there[edges["i"]] & there[edges["j"]]]
            rank = self._rows.rank()
            return edges_of(rank[edges["i"]], rank[edges["j"]], edges["score"])
        return edges

    def _answer(
        self,
        edges: Any,
        threshold: float,
        work: Work,
        faults: tuple[RowFault, ...],
        *,
        by_slot: bool = True,
    ) -> Pairs:
        i, j = np.ascontiguousarray(edges["i"]), np.ascontiguousarray(edges["j"])
        if by_slot:
            rank = self._rows.rank()
            i, j = rank[i], rank[j]
        certificate = self._certificate(threshold, len(edges), pair_set_hash(i, j), work)
        score = np.ascontiguousarray(edges["score"])
        return Pairs(i, j, score, np.arange(len(self)), "expand", faults, certificate, self.ids)

    def _certificate(self, threshold: float, pairs: int, set_hash: int, work: Work) -> IndexCertificate:
        stored = len(self._edges) + sum(map(len, self._fresh))
        return IndexCertificate(
            len(self),
            pairs,
            set_hash,
            threshold,
            self.threshold,
            stored,
            isa=str(_vec.isa()),
            plans=work.plans,
            seconds=work.seconds,
            **work.counts,
        )
