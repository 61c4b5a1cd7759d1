"""A join whose answer is handed over piece by piece, so that it need not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from khala_jobs._core import vec as _vec

from .arguments import cosine, one_of, pair_limit
from .groups import Groups, group_numbers
from .intake import Vectors, merged_faults, read_vectors
from .prepared import Rotation, native_rotation
from .values import COPIES, Certificate, Copies, Faulty, Pairs
from .watch import named, thread_count, watched

__all__ = ["iter_pairs"]

BLOCKS: Final = 64
"""Blocks of 512 rows joined at a time."""


def iter_pairs(
    vectors: Any,
    threshold: float,
    *,
    groups: Groups | None = None,
    copies: Copies = "expand",
    faulty: Faulty = "refuse",
    rotation: Rotation | None = None,
    max_pairs: int | None = None,
    threads: int | None = None,
) -> Iterator[Pairs]:
    """Find what `find_pairs` finds, some rows at a time.

    Rows are checked and encoded once, before this returns. Each piece holds the pairs of some consecutive
    rows with all later ones, each pair is in one piece, and the pairs among byte-identical rows are in the last.

    Args:
        vectors: As in `find_pairs`.
        threshold: As in `find_pairs`.
        groups: As in `find_pairs`.
        copies: As in `find_pairs`.
        faulty: As in `find_pairs`.
        rotation: As in `find_pairs`.
        max_pairs: Most pairs of one piece; more are an error. None: `MAX_PAIRS`.
        threads: As in `find_pairs`.

    Returns:
        What yields pairs ascending by (i, j) within a piece, with the certificate of the piece.

    Raises:
        InvalidArgument: As `find_pairs`; of `max_pairs`, when the piece is reached.
    """
    read = read_vectors(vectors, faulty=faulty)
    numbers = group_numbers(groups, len(read.matrix), "groups")
    threshold, limit = cosine("threshold", threshold), pair_limit(max_pairs)
    one_of("copies", copies, COPIES)
    join = named(
        lambda: _vec.BlockJoin(
            read.matrix,
            threshold,
            groups=numbers,
            collapse_copies=copies == "collapse",
            report_faulty=faulty == "quarantine",
            threads=thread_count(threads),
            rotation=native_rotation(rotation),
        ),
        {"matrix": "vectors"},
    )
    return _pieces(join, read, copies, limit)


def _pieces(join: Any, read: Vectors, copies: Copies, limit: int) -> Iterator[Pairs]:
    for first in range(0, max(1, join.blocks), BLOCKS):
        last = min(first + BLOCKS, join.blocks)

        def kernel(watch: _vec.Progress, first: int = first, last: int = last) -> Any:
            return join.run(first, last, max_pairs=limit, progress=watch)

        columns, representative, faults, certificate = watched(kernel, read.matrix.size, None)
        i, j, score = columns
        found = merged_faults(read, faults)
        yield Pairs(i, j, score, representative, copies, found, Certificate(**certificate))
