"""A join that can be killed: done in ranges of rows, each kept as soon as it is finished.

The kernels number the blocks of a join by the rows, the groups and nothing else, so every attempt numbers them
alike; a range of them is done at a time and kept under a key made of the vectors, the groups and the threshold,
so that what was kept for other vectors is never taken for these. Rows are checked and encoded once an attempt.

Hence these joins have no cells, which `find_pairs` sorts many rows by: which rows are near which cell depends on
the processor too. From some fifty thousand rows on they take longer than `find_pairs`, some ten times at a million.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np

from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument, StoreCorrupt

from .arguments import cosine, pair_limit, whole
from .groups import Groups, group_numbers
from .intake import read_vectors
from .joins import pair_set_hash
from .values import BlockCertificate, Int64Column, Pairs
from .watch import Progress, named, thread_count, watched

__all__ = ["BLOCK_PAIRS", "Checkpoint", "find_pairs_in_blocks"]

BLOCK_PAIRS: Final = 1 << 30
"""Row pairs between two checkpoints unless told otherwise: well below a second of one core at 384 dimensions."""

_RANGES_MAX: Final = 64
_PAIR: Final = np.dtype([("i", "<u4"), ("j", "<u4"), ("score", "<f8")])
_VERSION: Final = 2
_COUNTS: Final = ("pairs_evaluated", "pairs_coded", "first_stage", "candidates", "rechecked")
_RATE_IS_KNOWN: Final = 0.02
"""Share of the work after which the rate so far says more than the plan."""


class Checkpoint(Protocol):
    """Where finished blocks are kept. Called from the thread that joins."""

    def load(self, key: str) -> Mapping[int, bytes]:
        """The blocks kept under a key."""

    def save(self, key: str, block: int, pairs: bytes) -> None:
        """Keep a block for good before this returns."""


def find_pairs_in_blocks(
    vectors: Any,
    threshold: float,
    checkpoint: Checkpoint | None,
    *,
    groups: Groups | None = None,
    block_pairs: int = BLOCK_PAIRS,
    max_pairs: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    planned: Callable[[float], None] | None = None,
) -> Pairs:
    """Find what `find_pairs` finds, so that a killed attempt's finished blocks are not done again.

    Args:
        vectors: As in `find_pairs`; faulty rows are refused.
        threshold: As in `find_pairs`.
        checkpoint: Where finished blocks are kept; None for nowhere.
        groups: As in `find_pairs`.
        block_pairs: Row pairs between two checkpoints, roughly; there are never more than 64 of those.
        max_pairs: As in `find_pairs`.
        threads: As in `find_pairs`.
        progress: As in `find_pairs`, counting row pairs of all blocks; those that were kept count as done.
        planned: Called once, before the first block, with the seconds that all of them are expected to take.

    Returns:
        The pairs; the certificate says how many blocks there were and how many an earlier attempt had done.

    Raises:
        InvalidArgument: As `find_pairs`.
        StoreCorrupt: What the checkpoint kept is not what was saved.
    """
    block_pairs, limit = whole("block_pairs", block_pairs, 1), pair_limit(max_pairs)
    threshold = cosine("threshold", threshold)
    matrix = read_vectors(vectors).matrix
    numbers = group_numbers(groups, len(matrix), "groups")
    work = _Work()
    running = thread_count(threads)
    join = named(
        lambda: _vec.BlockJoin(matrix, threshold, groups=numbers, threads=running), {"matrix": "vectors"}
    )
    _, representative, _, begun = join.run(0, 0, max_pairs=limit)
    if planned is not None:
        planned(begun["plan"]["seconds"] / running)
    total = len(matrix) * (len(matrix) - 1) // 2
    ranges = _ranges(join.blocks, -(-total // block_pairs))
    key = f"{_VERSION}:{matrix.shape}:{join.blocks}:{len(ranges)}:{join.fingerprint:016x}"
    kept = {} if checkpoint is None else dict(checkpoint.load(key))
    found, count = [], 0
    for number, (first, last) in enumerate(ranges):
        before, after = total * number // len(ranges), total * (number + 1) // len(ranges)
        if number in kept:
            part = _read_range(kept[number], len(matrix))
            work.reused += 1
        else:
            told = _share(progress, before, after, total)
            part = _join_range(join, (first, last), limit, matrix.size, told, work)
            if checkpoint is not None:
                checkpoint.save(key, number, part.tobytes())
        found.append(part)
        count += len(part)
        if count > limit:
            raise InvalidArgument("max_pairs", f"more than {limit} pairs reach the threshold {threshold}")
        if progress is not None:
            progress(after, total)
    pairs = np.concatenate(found)
    order = np.lexsort((pairs["j"], pairs["i"]))
    i, j = pairs["i"][order].astype(np.int64), pairs["j"][order].astype(np.int64)
    certificate = work.certificate(len(matrix), i, j, threshold, len(ranges), begun["plan"])
    return Pairs(i, j, pairs["score"][order], representative, "expand", (), certificate)


class _Work:
    """What this attempt did."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.reused = 0

    def add(self, certificate: Mapping[str, Any]) -> None:
        for name in _COUNTS:
            self.counts[name] += certificate[name]

    def certificate(
        self,
        rows: int,
        i: Int64Column,
        j: Int64Column,
        threshold: float,
        blocks: int,
        plan: Mapping[str, str | int | float],
    ) -> BlockCertificate:
        return BlockCertificate(
            rows, len(i), pair_set_hash(i, j), threshold, str(_vec.isa()), blocks, self.reused,
            plan=plan, seconds=time.perf_counter() - self.started, **self.counts,
        )  # fmt: skip


def _ranges(blocks: int, wanted: int) -> list[tuple[int, int]]:
    """[first, last) of consecutive ranges that hold all blocks: at least one, even of none."""
    count = max(1, min(wanted, blocks, _RANGES_MAX))
    cuts = [blocks * place // count for place in range(count + 1)]
    return list(pairwise(cuts))


def _share(progress: Progress | None, before: int, after: int, total: int) -> Progress | None:
    """The progress of one range as progress of the whole."""
    if progress is None:
        return None

    def told(done: int, of: int) -> None:
        progress(before + ((after - before) * min(done, of) // of if of else 0), total)

    return told


def _join_range(
    join: Any, where: tuple[int, int], limit: int, size: int, progress: Progress | None, work: _Work
) -> np.ndarray[Any, Any]:
    first, last = where

    def kernel(watch: _vec.Progress) -> Any:
        return join.run(first, last, max_pairs=limit, progress=watch)

    columns, _, _, certificate = watched(kernel, size, progress)
    work.add(certificate)
    part = np.empty(len(columns[0]), _PAIR)
    part["i"], part["j"], part["score"] = columns
    return part


def _read_range(kept: bytes, rows: int) -> np.ndarray[Any, Any]:
    if len(kept) % _PAIR.itemsize:
        raise StoreCorrupt("checkpoint", f"a block of {len(kept)} bytes is no list of pairs")
    part = np.frombuffer(kept, _PAIR)
    if len(part) and not ((part["i"] < part["j"]).all() and part["j"].max() < rows):
        raise StoreCorrupt("checkpoint", f"a block names rows that are not among {rows}")
    return part


def eta_seconds(
    started: float, now: float, first_done: int, done: int, total: int, planned: float | None = None
) -> float | None:
    """Seconds left: by the plan at first, then at the rate so far. None if neither is known.

    Args:
        started: Clock reading, in seconds, when `first_done` was done.
        now: The clock now.
        first_done: What was done when this attempt began.
        done: What is done now.
        total: What there is to do.
        planned: Seconds that all of it was expected to take; None if nobody said.
    """
    gained = done - first_done
    if planned is not None and gained < _RATE_IS_KNOWN * total:
        return planned * (total - done) / total
    return None if gained <= 0 else (now - started) * (total - done) / gained
