"""The exact join beside a NumPy half-matrix product, on the same rows: ``python bench/vec_join.py``.

Both find every pair of rows with cosine >= t. NumPy multiplies blocks of the upper triangle in float32 and
keeps what reaches the threshold there; so its answer can differ in pairs within some 1e-7 of t, and the
table shows how many pairs each found. CPU seconds of the process, so that a busy machine blurs them less;
one thread each.

Rows are real sentence embeddings where KHALA_JOBS_DATA names the folder that has embeddings/minilm_f16.npy,
and else clusters of random points.
"""

# ruff: noqa: E402 -- NumPy reads these variables when it is imported

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from khala_jobs import similarity

BLOCK = 2048


def rows(count: int) -> tuple[np.ndarray, str]:
    """float32 [count or fewer, 384] and where they come from."""
    folder = os.environ.get("KHALA_JOBS_DATA")
    path = Path(folder or "") / "embeddings" / "minilm_f16.npy"
    if folder and path.exists():
        return np.load(path)[:count].astype(np.float32), "MiniLM, distinct texts"
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((max(1, count // 8), 384), np.float32)
    noise = rng.standard_normal((count, 384), np.float32)
    return centres[rng.integers(len(centres), size=count)] + np.float32(0.6) * noise, "synthetic clusters"


def numpy_half_product(matrix: np.ndarray, threshold: float) -> int:
    """Number of pairs i < j whose float32 product reaches the threshold."""
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    found = 0
    for begin in range(0, len(unit), BLOCK):
        left = unit[begin : begin + BLOCK]
        found += int(np.count_nonzero(np.triu(left @ left.T >= threshold, 1)))
        for other in range(begin + BLOCK, len(unit), BLOCK):
            i, _ = np.nonzero(left @ unit[other : other + BLOCK].T >= threshold)
            found += len(i)
    return found


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, CPU seconds of the process, wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def report(name: str, n: int, pairs: int, cpu_s: float, wall_s: float, **more: Any) -> None:
    """Print one line of JSON."""
    figures = {
        "case": name,
        "rows": n,
        "pairs": pairs,
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        **more,
    }
    print(json.dumps(figures), flush=True)


def self_join(count: int, threshold: float, threads: list[int]) -> None:
    """All pairs of one matrix, ours and NumPy's."""
    matrix, source = rows(count)
    n = len(matrix)
    combinations = n * (n - 1) / 2
    for thread_count in threads:
        found, cpu, wall = timed(lambda t=thread_count: similarity.find_pairs(matrix, threshold, threads=t))
        rate = found.certificate.pairs_evaluated / cpu / 1e6
        report(
            f"khala_jobs, {thread_count} thread(s)",
            n,
            len(found),
            cpu,
            wall,
            source=source,
            mpairs_per_cpu_s=round(rate, 1),
            rechecked=found.certificate.rechecked,
            isa=found.certificate.isa,
        )
    pairs, cpu, wall = timed(lambda: numpy_half_product(matrix, threshold))
    report(
        "numpy half product",
        n,
        pairs,
        cpu,
        wall,
        source=source,
        mpairs_per_cpu_s=round(combinations / cpu / 1e6, 1),
    )


def small_groups(groups: int, size: int, threshold: float) -> None:
    """Many users with few memories each."""
    matrix = np.random.default_rng(2).standard_normal((groups * size, 384), np.float32)
    numbers = np.repeat(np.arange(groups, dtype=np.int32), size)
    found, cpu, wall = timed(lambda: similarity.find_pairs(matrix, threshold, groups=numbers, threads=1))
    report(
        f"khala_jobs, {groups} groups of {size}",
        len(matrix),
        len(found),
        cpu,
        wall,
        groups_per_cpu_s=round(groups / cpu),
    )


def pending(queries: int, count: int, threshold: float) -> None:
    """What is new against what there is."""
    matrix, source = rows(count)
    fresh = matrix[:: max(1, len(matrix) // queries)][:queries].copy()
    found, cpu, wall = timed(lambda: similarity.match(fresh, matrix, threshold, k=5, threads=1))
    report(f"khala_jobs, {len(fresh)} queries, best 5", len(matrix), len(found), cpu, wall, source=source)


def main() -> None:
    """Run every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--threshold", type=float, default=0.95)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for count in arguments.rows:
        self_join(count, arguments.threshold, arguments.threads)
        pending(100, count, arguments.threshold)
    small_groups(10_000, 10, arguments.threshold)
    small_groups(1_000, 100, arguments.threshold)


if __name__ == "__main__":
    main()
