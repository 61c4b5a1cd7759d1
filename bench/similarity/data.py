"""The rows that are joined, all seeded: the same call gives the same bytes everywhere.

``minilm`` are real sentence embeddings, where KHALA_JOBS_DATA names the folder that has
embeddings/minilm_f16.npy; more rows than there are, are those rows again with Gaussian noise of 0.02 a
coordinate, renormalised. ``cone768`` and ``cone1536`` are synthetic narrow cones as some models make them
(unrelated pairs at 0.7 and more), ``isotropic`` has no structure at all, and in ``near`` every pair is within
rounding of the threshold 0.95.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
NAMES = ("minilm", "cone768", "cone1536", "isotropic", "near")
NOISE = 0.02
CHUNK = 50_000
FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench-similarity"
"""What takes long and is always the same is kept here."""


def _unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _minilm(count: int) -> Matrix:
    folder = os.environ.get("KHALA_JOBS_DATA")
    if not folder:
        raise SystemExit("KHALA_JOBS_DATA must name the folder that has embeddings/minilm_f16.npy")
    real = _unit(np.load(Path(folder) / "embeddings" / "minilm_f16.npy").astype(np.float32))
    if count <= len(real):
        return np.ascontiguousarray(real[:count])
    kept = FOLDER / f"minilm-{count}.npy"
    if kept.exists():
        return np.asarray(np.load(kept), np.float32)
    rows = np.empty((count, real.shape[1]), np.float32)
    rows[: len(real)] = real
    rng = np.random.default_rng(20_250_101)
    for begin in range(len(real), count, CHUNK):
        end = min(begin + CHUNK, count)
        noise = rng.standard_normal((end - begin, real.shape[1]), np.float32)
        rows[begin:end] = _unit(real[np.arange(begin, end) % len(real)] + np.float32(NOISE) * noise)
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.save(kept, rows)
    return rows


def _cone(count: int, dim: int, mean: float) -> Matrix:
    """Unrelated pairs at `mean` on average; one row in ten is a near copy of an earlier one."""
    rng = np.random.default_rng(dim)
    weight = (1.0 + np.arange(dim)) ** -0.35
    rows = rng.standard_normal((count, dim), np.float32) * weight.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    axis = rng.standard_normal(dim).astype(np.float32)
    axis /= np.linalg.norm(axis)
    rows = _unit(np.sqrt(mean) * axis + np.sqrt(1.0 - mean) * rows)
    copies = np.arange(9, count, 10)
    noise = rng.standard_normal((len(copies), dim), np.float32) * np.float32(0.15 / np.sqrt(dim))
    rows[copies] = _unit(rows[copies - rng.integers(1, 9, len(copies))] + noise)
    return rows


def _near(count: int) -> Matrix:
    """Rows of which all pairs have cosine 0.95 up to rounding."""
    dim = count + 1
    basis = np.eye(dim, dtype=np.float64)
    rows = np.sqrt(0.05) * basis[:count] + np.sqrt(0.95) * basis[count]
    return np.ascontiguousarray(rows.astype(np.float32))


def load(name: str, count: int) -> Matrix:
    """float32 [count, dim], C-contiguous; `minilm` has 384 columns, `near` one more than rows."""
    if name == "minilm":
        return _minilm(count)
    if name == "cone768":
        return _cone(count, 768, 0.74)
    if name == "cone1536":
        return _cone(count, 1536, 0.69)
    if name == "near":
        return _near(count)
    rng = np.random.default_rng(3)
    return _unit(rng.standard_normal((count, 384), np.float32))


def with_copies(rows: Matrix) -> Matrix:
    """The same with every third row twice more, byte for byte, and shuffled."""
    again = np.concatenate([rows, rows[::3], rows[::3]])
    return np.ascontiguousarray(again[np.random.default_rng(5).permutation(len(again))])
