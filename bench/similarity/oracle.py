"""What the answer is: float64 brute force, kept so that it is computed once."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from .data import FOLDER, Matrix

BLOCK = 2048
FLOOR = 0.85  # what is kept reaches this, and serves every threshold above
Keys = npt.NDArray[np.uint64]


def keys(i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> Keys:
    """One sorted number a pair."""
    low, high = np.minimum(i, j).astype(np.uint64), np.maximum(i, j).astype(np.uint64)
    return np.unique(low << np.uint64(32) | high)


def split(pairs: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The inverse of `keys`."""
    return (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)


def brute_force(rows: Matrix, threshold: float) -> Keys:
    """Keys of all pairs i < j whose cosine in float64 reaches the threshold."""
    floor = min(threshold, FLOOR)
    digest = hashlib.sha256(rows.data).hexdigest()[:16]
    path = FOLDER / f"pairs-{digest}-{floor}.npz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        pairs, cosines = _all_pairs(rows, floor)
        np.savez(path, pairs=pairs, cosines=cosines)
    with np.load(path) as kept:
        return np.asarray(kept["pairs"][kept["cosines"] >= threshold], np.uint64)


def _all_pairs(rows: Matrix, threshold: float) -> tuple[Keys, npt.NDArray[np.float64]]:
    unit = rows.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    found: list[Keys] = []
    cosines: list[npt.NDArray[np.float64]] = []
    for begin in range(0, len(unit), BLOCK):
        left = unit[begin : begin + BLOCK]
        for other in range(begin, len(unit), BLOCK):
            products = left @ unit[other : other + BLOCK].T
            i, j = np.nonzero(products >= threshold)
            later = i + begin < j + other
            i, j = i[later], j[later]
            found.append((i + begin).astype(np.uint64) << np.uint64(32) | (j + other).astype(np.uint64))
            cosines.append(products[i, j])
    order = np.argsort(np.concatenate(found))
    return np.concatenate(found)[order], np.concatenate(cosines)[order]


def audited_rows(rows: Matrix, threshold: float, pairs: Keys, sample: int = 1000) -> int:
    """Pairs of `sample` random rows on which `pairs` and float64 brute force differ."""
    chosen = np.sort(np.random.default_rng(7).choice(len(rows), min(sample, len(rows)), replace=False))
    left = rows[chosen].astype(np.float64)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    expected: list[Keys] = []
    for begin in range(0, len(rows), BLOCK):
        right = rows[begin : begin + BLOCK].astype(np.float64)
        right /= np.linalg.norm(right, axis=1, keepdims=True)
        i, j = np.nonzero(left @ right.T >= threshold)
        i, j = chosen[i], j + begin
        expected.append(keys(i[i != j], j[i != j]))
    first, second = split(pairs)
    touching = pairs[np.isin(first, chosen) | np.isin(second, chosen)]
    return len(np.setxor1d(np.concatenate(expected), touching))
