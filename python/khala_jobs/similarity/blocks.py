"""A join that can be killed: done in blocks, each kept as soon as it is finished.

A block is a band of rows joined with itself and with all later rows. The bands depend on the number of rows and
on ``block_pairs`` alone, so every attempt numbers them alike; finished blocks are kept under a key made of the
vectors, the groups and the threshold, so that what was kept for other vectors is never taken for these. Bands
ascend, and so do the pairs within each: put one after the other they are the answer of `find_pairs`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from khala_jobs._core import similarity as _core
from khala_jobs._core import vec as _vec
from khala_jobs.errors import InvalidArgument, StoreCorrupt

from .groups import Groups, group_numbers
from .intake import read_vectors
from .joins import MAX_PAIRS, find_pairs, match, pair_set_hash
from .values import BlockCertificate, Float32Matrix, Int32Column, Int64Column, Pairs
from .watch import Progress

__all__ = ["BLOCK_PAIRS", "Checkpoint", "find_pairs_in_blocks"]

BLOCK_PAIRS: Final = 1 << 32
"""Row pairs of a block unless told otherwise: about a second of one core at 384 dimensions, by codes."""

_BLOCKS_MAX: Final = 16  # each prepares all later rows anew, which is what a block costs besides its pairs
_PAIR: Final = np.dtype([("i", "<u4"), ("j", "<u4"), ("score", "<f8")])
_VERSION: Final = 1


class Checkpoint(Protocol):
    """Where finished blocks are kept. Called from the thread that joins."""

    def load(self, key: str) -> Mapping[int, bytes]:
        """The blocks kept under a key."""

    def save(self, key: str, block: int, pairs: bytes) -> None:
        """Keep a block for good before this returns."""


@dataclass(frozen=True, slots=True)
class _Band:
    first: int
    last: int
    pairs: int


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
) -> Pairs:
    """Find what `find_pairs` finds, so that a killed attempt's finished blocks are not done again.

    Args:
        vectors: As in `find_pairs`; faulty rows are refused.
        threshold: As in `find_pairs`.
        checkpoint: Where finished blocks are kept; None for nowhere.
        groups: As in `find_pairs`.
        block_pairs: Row pairs of a block; there are never more than 16 blocks.
        max_pairs: As in `find_pairs`.
        threads: As in `find_pairs`.
        progress: As in `find_pairs`, counting row pairs of all blocks; those that were kept count as done.

    Returns:
        The pairs; the certificate says how many blocks there were and how many an earlier attempt had done.

    Raises:
        InvalidArgument: As `find_pairs`.
        StoreCorrupt: What the checkpoint kept is not what was saved.
    """
    if block_pairs < 1:
        raise InvalidArgument("block_pairs", f"{block_pairs}; the lower limit is 1")
    matrix = read_vectors(vectors).matrix
    numbers = group_numbers(groups, len(matrix), "groups")
    limit = MAX_PAIRS if max_pairs is None else max_pairs
    bands = list(_bands(len(matrix), block_pairs))
    key = _key(matrix, numbers, threshold, bands)
    kept = {} if checkpoint is None else dict(checkpoint.load(key))
    total = sum(band.pairs for band in bands)
    found, before, work = [], 0, _Work()
    for number, band in enumerate(bands):
        reused = kept.get(number)
        if reused is None:
            told = _share(progress, before, band.pairs, total)
            block = _join_band(matrix, numbers, threshold, band, limit, threads, told, work)
            if checkpoint is not None:
                checkpoint.save(key, number, block.tobytes())
        else:
            block = _read_block(reused, band, len(matrix))
            work.reused += 1
        found.append(block)
        before += band.pairs
        if sum(map(len, found)) > limit:
            raise InvalidArgument("max_pairs", f"more than {limit} pairs reach the threshold {threshold}")
        if progress is not None:
            progress(before, total)
    pairs = np.concatenate([*found, np.empty(0, _PAIR)])
    i, j = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
    score = np.ascontiguousarray(pairs["score"])
    certificate = work.certificate(len(matrix), i, j, threshold, len(bands))
    return Pairs(i, j, score, _representatives(matrix, i, j, score), "expand", (), certificate)


class _Work:
    """What this attempt did."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.evaluated = self.candidates = self.rechecked = self.reused = 0

    def add(self, certificate: Any) -> None:
        self.evaluated += certificate.pairs_evaluated
        self.candidates += certificate.candidates
        self.rechecked += certificate.rechecked

    def certificate(
        self, rows: int, i: Int64Column, j: Int64Column, threshold: float, blocks: int
    ) -> BlockCertificate:
        seconds = time.perf_counter() - self.started
        return BlockCertificate(
            rows, len(i), pair_set_hash(i, j), threshold, str(_vec.isa()), blocks, self.reused,
            self.evaluated, self.candidates, self.rechecked, seconds,
        )  # fmt: skip


def _bands(rows: int, block_pairs: int) -> Iterator[_Band]:
    """Consecutive rows, each band as short as it can be with ``block_pairs`` pairs or more."""
    size = max(block_pairs, -(-(rows * (rows - 1) // 2) // _BLOCKS_MAX))
    first = pairs = 0
    for row in range(rows):
        pairs += rows - 1 - row
        if (pairs >= size and row < rows - 2) or row == rows - 1:
            yield _Band(first, row + 1, pairs)
            first, pairs = row + 1, 0


def _key(matrix: Float32Matrix, numbers: Int32Column | None, threshold: float, bands: list[_Band]) -> str:
    columns = [matrix] if numbers is None else [matrix, numbers]
    sums = [f"{_core.checksum(column.data):016x}" for column in columns]
    return f"{_VERSION}:{matrix.shape}:{len(bands)}:{threshold!r}:{':'.join(sums)}"


def _share(progress: Progress | None, before: int, pairs: int, total: int) -> Progress | None:
    """The progress of one kernel call as progress of the whole; a block's two calls share its pairs."""
    if progress is None:
        return None

    def told(done: int, of: int) -> None:
        part = pairs * done // of if of else 0
        progress(before + min(part, pairs), total)

    return told


def _join_band(
    matrix: Float32Matrix,
    numbers: Int32Column | None,
    threshold: float,
    band: _Band,
    limit: int,
    threads: int | None,
    progress: Progress | None,
    work: _Work,
) -> np.ndarray[Any, Any]:
    rows, later = matrix[band.first : band.last], matrix[band.last :]
    own = None if numbers is None else numbers[band.first : band.last]
    options: dict[str, Any] = {"max_pairs": limit, "threads": threads}
    last = progress if not len(later) else None
    inner = find_pairs(rows, threshold, groups=own, progress=last, **options)
    work.add(inner.certificate)
    parts = [(inner.i + band.first, inner.j + band.first, inner.score)]
    if len(later):
        theirs = None if numbers is None else numbers[band.last :]
        outer = match(
            rows, later, threshold, query_groups=own, corpus_groups=theirs, progress=progress, **options
        )
        work.add(outer.certificate)
        parts.append((outer.query + band.first, outer.row + band.last, outer.score))
    block = np.empty(sum(len(i) for i, _, _ in parts), _PAIR)
    for name, columns in zip(("i", "j", "score"), zip(*parts, strict=True), strict=True):
        block[name] = np.concatenate(columns)
    return np.sort(block, order=("i", "j"))


def _read_block(kept: bytes, band: _Band, rows: int) -> np.ndarray[Any, Any]:
    if len(kept) % _PAIR.itemsize:
        raise StoreCorrupt("checkpoint", f"a block of {len(kept)} bytes is no list of pairs")
    block = np.frombuffer(kept, _PAIR)
    i, j = block["i"], block["j"]
    if len(block) and not (
        band.first <= i.min() and i.max() < band.last and (i < j).all() and j.max() < rows
    ):
        raise StoreCorrupt("checkpoint", f"the block of rows {band.first}..{band.last - 1} names other rows")
    return block


def _representatives(matrix: Float32Matrix, i: Int64Column, j: Int64Column, score: Any) -> Int64Column:
    """For each row the lowest one with the same bytes, which is a pair with a score of 1."""
    lowest = np.arange(len(matrix), dtype=np.int64)
    alike = np.flatnonzero(score == 1.0)
    bits = matrix.view(np.uint32)
    for start in range(0, len(alike), 1 << 16):
        part = alike[start : start + (1 << 16)]
        same = part[(bits[i[part]] == bits[j[part]]).all(axis=1)]
        np.minimum.at(lowest, j[same], i[same])
    return lowest


def eta_seconds(started: float, now: float, first_done: int, done: int, total: int) -> float | None:
    """Seconds left at the rate so far; None before anything was done.

    Args:
        started: Clock reading, in seconds, when `first_done` was done.
        now: The clock now.
        first_done: What was done when this attempt began.
        done: What is done now.
        total: What there is to do.
    """
    gained = done - first_done
    return None if gained <= 0 else (now - started) * (total - done) / gained
