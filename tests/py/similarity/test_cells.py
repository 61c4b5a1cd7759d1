"""Joins by cells: what is looked at changes, what is found does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from khala_jobs import similarity
from khala_jobs._core import vec as core

elements = st.floats(-4, 4, width=32).map(lambda value: np.float32(round(value * 4) / 4))


def by_cells(matrix, threshold, **options):
    """The pairs with their cosines, and the certificate."""
    (i, j, score), _, _, certificate = core.self_join(matrix, threshold, method="cells", **options)
    pairs = {(int(a), int(b)): float(c) for a, b, c in zip(i, j, score, strict=True)}
    assert len(pairs) == len(i)
    return pairs, certificate


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    matrix=npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=elements),
    threshold=st.floats(-1, 1),
    cells=st.sampled_from([16, 48, 128]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_small_matrix(oracle, matrix, threshold, cells, seed):
    """Elements are multiples of 1/4: copies, parallel rows and exact ties at the threshold."""
    groups = np.random.default_rng(seed).integers(0, 3, size=len(matrix)).astype(np.int32)
    kept = np.flatnonzero(matrix.any(axis=1))
    small = oracle(matrix[kept], threshold, groups[kept])
    expected = {(int(kept[i]), int(kept[j])): cosine for (i, j), cosine in small.items()}
    found, _ = by_cells(matrix, threshold, groups=groups, cells=cells, report_faulty=True)
    assert found == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(50, 400),
    dim=st.integers(2, 150),
    themes=st.integers(1, 60),
    spread=st.floats(0.01, 1.5),
    threshold=st.floats(0.3, 0.999),
    cells=st.sampled_from([16, 32, 64]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_rows_with_themes(oracle, rows, dim, themes, spread, threshold, cells, threads, seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(rows, dim)) * spread * rng.lognormal(size=(rows, 1))
    matrix = (rng.normal(size=(themes, dim))[rng.integers(themes, size=rows)] + noise).astype(np.float32)
    found, certificate = by_cells(matrix, threshold, cells=cells, threads=threads)
    assert found == oracle(matrix, threshold)
    assert certificate["plan"]["cells"] == cells
    assert certificate["pairs_evaluated"] == rows * (rows - 1) // 2
    assert certificate["pairs_coded"] + certificate["pairs_ruled_out"] >= certificate["pairs_evaluated"]


@pytest.mark.parametrize("copies", ["expand", "collapse"])
def test_copies_are_told_as_without_cells(copies):
    rng = np.random.default_rng(3)
    few = rng.normal(size=(300, 32)).astype(np.float32)
    matrix = np.ascontiguousarray(few[rng.integers(300, size=900)])
    plain = core.self_join(matrix, 0.4, method="codes", collapse_copies=copies == "collapse")
    cells = core.self_join(matrix, 0.4, method="cells", cells=32, collapse_copies=copies == "collapse")
    assert plain[3]["set_hash"] == cells[3]["set_hash"]
    assert (plain[1] == cells[1]).all()


def test_many_rows_with_themes_are_joined_by_cells():
    """And so that the plan, its figures and the counts reach the certificate."""
    rng = np.random.default_rng(1)
    themes = rng.normal(size=(500, 64))
    matrix = (themes[rng.integers(500, size=60_000)] + 0.25 * rng.normal(size=(60_000, 64))).astype(
        np.float32
    )
    progress = []
    found = similarity.find_pairs(matrix, 0.97, progress=lambda done, total: progress.append((done, total)))
    certificate = found.certificate
    assert certificate.plan["method"] == "cells"
    assert certificate.plan["cells"] >= 32
    assert 0 < certificate.plan["tested"] < 0.5
    assert certificate.pairs_ruled_out > certificate.pairs_evaluated / 2
    assert certificate.pairs_evaluated == 60_000 * 59_999 // 2
    assert all(done <= total == certificate.pairs_evaluated for done, total in progress)
    plain = core.self_join(matrix, 0.97, method="codes")
    assert plain[3]["set_hash"] == certificate.set_hash
    assert len(found) > 0
    in_blocks = similarity.find_pairs_in_blocks(matrix, 0.97, None)
    assert in_blocks.certificate.set_hash == certificate.set_hash
