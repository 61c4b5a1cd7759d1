"""B5: rows that come in batches of a thousand, and some that go: what a batch costs, and whether that stays so.

Every contender starts with the same rows, is given the same batches, and says after each how many pairs the new rows
make, with what was there and among themselves. In the middle one row in twenty is deleted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from khala_jobs import similarity

from .contenders import NEIGHBOURS, Matrix, faiss_ivf, hnswlib_build, is_installed, usearch_build

BATCH = 1000
BATCHES = 20
GONE = 20
"""One row in so many is deleted."""

Numbers = npt.NDArray[np.int64]


class Growing(Protocol):
    """Rows by number, and the pairs that new ones make."""

    def append(self, rows: Matrix, numbers: Numbers) -> int:
        """Add rows; how many pairs have a new row."""

    def delete(self, numbers: Numbers) -> None:
        """Take rows out."""


class Ours:
    """`SimilarityIndex`, which keeps all pairs as well."""

    def __init__(self, rows: Matrix, threshold: float, threads: int) -> None:
        self._index = similarity.SimilarityIndex(rows.shape[1], threshold, threads=threads)
        self._index.append(rows, list(range(len(rows))))
        self._index.compact()  # what there is from the start is encoded once

    def append(self, rows: Matrix, numbers: Numbers) -> int:
        return len(self._index.append(rows, numbers.tolist()))

    def delete(self, numbers: Numbers) -> None:
        self._index.delete(numbers.tolist())


class Product:
    """NumPy, one product a batch."""

    def __init__(self, rows: Matrix, threshold: float, threads: int) -> None:  # noqa: ARG002 - those of the process
        self._threshold, self._rows, self._there = threshold, rows, np.ones(len(rows), bool)

    def append(self, rows: Matrix, numbers: Numbers) -> int:  # noqa: ARG002 - they are numbered as they come
        found = _within(rows, self._threshold)
        for begin in range(0, len(self._rows), 16_384):
            near = rows @ self._rows[begin : begin + 16_384].T >= self._threshold
            found += int(np.count_nonzero(near[:, self._there[begin : begin + 16_384]]))
        self._rows = np.concatenate([self._rows, rows])
        self._there = np.concatenate([self._there, np.ones(len(rows), bool)])
        return found

    def delete(self, numbers: Numbers) -> None:
        self._there[numbers] = False


class FaissIvf:
    """`IndexIVFFlat`, trained on what there is at the start."""

    def __init__(self, rows: Matrix, threshold: float, threads: int) -> None:
        self._index, self._quantizer = faiss_ivf(rows, threads)
        self._threshold = threshold

    def append(self, rows: Matrix, numbers: Numbers) -> int:
        limits, _, _ = self._index.range_search(rows, self._threshold)
        self._index.add_with_ids(rows, numbers)
        return int(limits[-1]) + _within(rows, self._threshold)

    def delete(self, numbers: Numbers) -> None:
        faiss = importlib.import_module("faiss")
        self._index.remove_ids(faiss.IDSelectorBatch(numbers))


class Hnswlib:
    """`hnswlib`, the nearest hundred of every new row."""

    def __init__(self, rows: Matrix, threshold: float, threads: int) -> None:
        self._index = hnswlib_build(rows, threads)
        self._index.resize_index(len(rows) + BATCH * BATCHES)
        self._threshold, self._threads = threshold, threads

    def append(self, rows: Matrix, numbers: Numbers) -> int:
        _, distances = self._index.knn_query(rows, k=NEIGHBOURS, num_threads=self._threads)
        self._index.add_items(rows, numbers)
        return int(np.count_nonzero(distances <= 1.0 - self._threshold)) + _within(rows, self._threshold)

    def delete(self, numbers: Numbers) -> None:
        for number in numbers.tolist():
            self._index.mark_deleted(number)


class Usearch:
    """USearch, the nearest hundred of every new row."""

    def __init__(self, rows: Matrix, threshold: float, threads: int) -> None:
        self._index = usearch_build(rows, threads)
        self._index.expansion_search = 128
        self._threshold, self._threads = threshold, threads

    def append(self, rows: Matrix, numbers: Numbers) -> int:
        found = self._index.search(rows, NEIGHBOURS, threads=self._threads)
        self._index.add(numbers, rows, threads=self._threads)
        near = np.asarray(found.distances) <= 1.0 - self._threshold
        return int(np.count_nonzero(near)) + _within(rows, self._threshold)

    def delete(self, numbers: Numbers) -> None:
        self._index.remove(numbers)


def _within(rows: Matrix, threshold: float) -> int:
    return int(np.count_nonzero(np.triu(rows @ rows.T >= threshold, 1)))


GROWING: dict[str, tuple[Callable[[Matrix, float, int], Growing], str]] = {
    "khala_jobs SimilarityIndex": (Ours, ""),
    "NumPy product and scan": (Product, ""),
    "FAISS IVF, nprobe 8": (FaissIvf, "faiss"),
    "hnswlib, k 100": (Hnswlib, "hnswlib"),
    "USearch, k 100": (Usearch, "usearch"),
}
"""How each begins, and the module it needs."""


def available(name: str) -> bool:
    """Whether what it needs is installed."""
    return is_installed(GROWING[name][1])
