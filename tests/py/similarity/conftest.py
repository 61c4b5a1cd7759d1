"""The brute-force answers that the kernels are held to, as fixtures, and the real data where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Oracle = Callable[..., dict[tuple[int, int], float]]


class Slow:
    """sim64 by its documented order, eight running sums and then the tree, vectorised over pairs only."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.bits = np.ascontiguousarray(matrix).view(np.uint32)
        rows, dim = matrix.shape
        padded = np.pad(matrix.astype(np.float64), ((0, 0), (0, -dim % 8)))
        self.eights = np.ascontiguousarray(padded.reshape(rows, (dim + 7) // 8, 8).transpose(1, 0, 2))
        everyone = np.arange(len(matrix))
        self.norms = np.sqrt(self.dot(everyone, everyone))

    def dot(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(right), 8))
        for eight in self.eights:
            sums += eight[left] * eight[right]
        s = sums.T
        return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))

    def cosines(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """For rows left[i], right[i]."""
        cosine = np.clip(self.dot(left, right) / (self.norms[left] * self.norms[right]), -1.0, 1.0)
        near = np.flatnonzero(cosine > 0.999)
        same = np.all(self.bits[left[near]] == self.bits[right[near]], axis=1)
        cosine[near[same]] = 1.0
        return cosine


@pytest.fixture
def sim64() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """sim64 of rows left[i], right[i] of two matrices."""

    def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        places = np.arange(len(left))
        return Slow(np.concatenate([left, right])).cosines(places, places + len(left))

    return cosines


@pytest.fixture
def every_sim64() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """sim64 of every row of one matrix and every row of another, as a table."""

    def table(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        i, j = np.divmod(np.arange(len(left) * len(right)), len(right))
        slow = Slow(np.concatenate([left, right]))
        return slow.cosines(i, j + len(left)).reshape(len(left), len(right))

    return table


@pytest.fixture
def oracle() -> Oracle:
    """All pairs i < j of one group whose sim64 reaches the threshold, by looking at every one of them."""

    def brute_force(
        matrix: np.ndarray, threshold: float, groups: np.ndarray | None = None
    ) -> dict[tuple[int, int], float]:
        slow = Slow(matrix)
        found = {}
        for i in range(len(matrix) - 1):
            rest = np.arange(i + 1, len(matrix))
            if groups is not None:
                rest = rest[groups[rest] == groups[i]]
            cosine = slow.cosines(np.full(len(rest), i), rest)
            found.update({(i, int(j)): float(c) for j, c in zip(rest, cosine, strict=True) if c >= threshold})
        return found

    return brute_force


@pytest.fixture(scope="session")
def minilm() -> np.ndarray:
    """Real sentence embeddings, float32 [n, 384]; KHALA_JOBS_DATA names the folder that holds embeddings/."""
    folder = os.environ.get("KHALA_JOBS_DATA")
    if not folder:
        pytest.skip("KHALA_JOBS_DATA is not set: no folder with embeddings/minilm_f16.npy")
    path = Path(folder) / "embeddings" / "minilm_f16.npy"
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    matrix: np.ndarray = np.load(path).astype(np.float32)
    return matrix
