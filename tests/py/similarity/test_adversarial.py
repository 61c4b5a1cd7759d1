"""Rows that are hard to join, through every public way to join them, against looking at every pair."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from khala_jobs import similarity


def clustered(rng: np.random.Generator, rows: int, dim: int, spread: float = 0.3) -> np.ndarray:
    centres = rng.normal(size=(9, dim))
    return centres[rng.integers(9, size=rows)] + spread * rng.normal(size=(rows, dim))


def at_one_cosine(rng: np.random.Generator, rows: int, dim: int, cosine: float) -> np.ndarray:
    basis = np.linalg.qr(rng.normal(size=(dim, rows + 1)))[0].T
    return np.sqrt(cosine) * basis[-1] + np.sqrt(1 - cosine) * basis[:-1]


def but_for_one_bit(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    matrix = rng.normal(size=(3, dim)).astype(np.float32)[rng.integers(3, size=rows)]
    matrix[::4, -1] = np.nextafter(matrix[::4, -1], np.float32(9))
    return matrix


def with_an_outlier(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    matrix = clustered(rng, rows, dim)
    matrix[:, 1] += np.where(np.arange(rows) % 2, -1000, 1000)
    matrix[rows // 2] = -np.eye(dim)[-1]
    return matrix


@cache
def cases() -> dict[str, tuple[np.ndarray, tuple[float, ...]]]:
    """Rows by name, with thresholds that lie where they are hard."""
    rng = np.random.default_rng(1)
    lengths = 10.0 ** rng.uniform(-30, 30, size=(200, 1))
    tiny, huge = clustered(rng, 80, 24) * 1e-43, clustered(rng, 80, 24) * 5e37
    one_hot = np.eye(40)[rng.integers(40, size=120)] * rng.choice([-1, 1], size=(120, 1))
    made = {
        "random": (rng.normal(size=(300, 20)), (-1.0, 0.0, 0.5)),
        "cone": (1 + 0.35 * rng.normal(size=(300, 128)), (0.85, 0.89)),
        "copies": (rng.normal(size=(20, 16))[rng.integers(20, size=300)], (-0.5, 0.9, 1.0)),
        "but for one bit": (but_for_one_bit(rng, 300, 383), (0.9999999, 1.0)),
        "at the threshold": (at_one_cosine(rng, 120, 384, 0.95), (0.949999, 0.95, 0.9500001)),
        "outlier": (with_an_outlier(rng, 200, 100), (0.5, 0.9999)),
        "lengths": (clustered(rng, 200, 48) * lengths, (0.9, 0.95)),
        "tiny": (tiny[tiny.astype(np.float32).any(axis=1)], (0.5, 0.9)),
        "huge": (huge.clip(-3e38, 3e38), (0.5, 0.9)),
        "one-hot": (one_hot, (-1.0, 0.0, 0.5, 1.0)),
        "dim 1": (rng.normal(size=(200, 1)), (-1.0, 0.0, 1.0)),
        "dim 3": (rng.normal(size=(200, 3)), (0.5, 0.99)),
        "dim 1537": (clustered(rng, 60, 1537, 0.2), (0.9, 0.96)),
        "two rows": (clustered(rng, 2, 8), (-1.0, 0.5)),
    }
    return {name: (np.ascontiguousarray(rows, np.float32), at) for name, (rows, at) in made.items()}


def as_dict(pairs: similarity.Pairs) -> dict[tuple[int, int], float]:
    return dict(zip(zip(pairs.i.tolist(), pairs.j.tolist(), strict=True), pairs.score.tolist(), strict=True))


def ranked(scores: np.ndarray, threshold: float, k: int | None = None) -> list[tuple[int, int, float]]:
    """(query, row, score) of what reaches the threshold, most similar rows first."""
    found = []
    for query, own in enumerate(scores):
        order = np.lexsort((np.arange(len(own)), -own))
        found += [(query, int(row), float(own[row])) for row in order[own[order] >= threshold][:k]]
    return found


def as_list(matches: similarity.Matches) -> list[tuple[int, int, float]]:
    columns = matches.query.tolist(), matches.row.tolist(), matches.score.tolist()
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("name", cases())
def test_pairs_of_hard_rows(oracle, name):
    matrix, thresholds = cases()[name]
    every = oracle(matrix, min(thresholds))
    for threshold in thresholds:
        expected = {pair: score for pair, score in every.items() if score >= threshold}
        assert as_dict(similarity.find_pairs(matrix, threshold)) == expected
        pieces = list(similarity.iter_pairs(matrix, threshold))
        assert {pair: score for piece in pieces for pair, score in as_dict(piece).items()} == expected
        assert as_dict(similarity.find_pairs_in_blocks(matrix, threshold, None)) == expected


@pytest.mark.parametrize("name", cases())
def test_matches_with_hard_rows(every_sim64, name):
    matrix, thresholds = cases()[name]
    queries = np.ascontiguousarray(matrix[:: max(1, len(matrix) // 12)])
    scores = every_sim64(queries, matrix)
    corpus = similarity.Corpus(matrix)
    for threshold in thresholds:
        for k in (None, 3):
            expected = ranked(scores, threshold, k)
            assert as_list(similarity.match(queries, matrix, threshold, k=k)) == expected
            assert as_list(similarity.match(queries, corpus, threshold, k=k)) == expected
    assert as_list(similarity.top_k(queries, corpus, 5)) == ranked(scores, -1.0, 5)


@pytest.mark.parametrize("k", [1, 3, 10, 1000])
def test_the_best_k_of_random_rows(every_sim64, k):
    rng = np.random.default_rng(k)
    matrix = rng.normal(size=(400, 33)).astype(np.float32)
    matrix[300:] = matrix[:100]  # ties, which the lower row wins
    queries = np.concatenate([rng.normal(size=(30, 33)).astype(np.float32), matrix[50:60]])
    groups, own = rng.integers(0, 7, size=400), rng.integers(0, 9, size=40)
    scores = every_sim64(queries, matrix)
    assert as_list(similarity.top_k(queries, matrix, k)) == ranked(scores, -1.0, k)
    grouped = np.where(own[:, None] == groups, scores, -np.inf)
    found = similarity.top_k(queries, matrix, k, query_groups=own, corpus_groups=groups)
    assert as_list(found) == ranked(grouped, -1.0, k)


def test_many_copies_of_a_row(every_sim64):
    """All their pairs, and each of their pairs with a near row, a copy at a time."""
    rng = np.random.default_rng(2)
    distinct = clustered(rng, 60, 24).astype(np.float32)
    origin = rng.permutation(np.concatenate([np.zeros(1500, np.int64), np.arange(60)]))
    scores = every_sim64(distinct, distinct)
    i, j = np.triu_indices(len(origin), 1)
    score = scores[origin[i], origin[j]]
    near = score >= 0.9
    found = similarity.find_pairs(distinct[origin], 0.9)
    assert np.array_equal(found.i, i[near])
    assert np.array_equal(found.j, j[near])
    assert found.score.tobytes() == score[near].tobytes()
    assert len(found) > 1501 * 1500 // 2 + 1501


def test_many_small_groups(sim64):
    """20,000 groups of three rows that lie apart in the matrix."""
    rng = np.random.default_rng(3)
    groups = rng.permutation(np.repeat(np.arange(20_000), 3))
    centres = rng.normal(size=(20_000, 8))
    matrix = (centres[groups] + 0.4 * rng.normal(size=(60_000, 8))).astype(np.float32)
    trios = np.argsort(groups, kind="stable").reshape(-1, 3)
    i, j = (np.concatenate([trios[:, one] for one in side]) for side in ((0, 0, 1), (1, 2, 2)))
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    score = sim64(matrix[i], matrix[j])
    near = score >= 0.9
    found = similarity.find_pairs(matrix, 0.9, groups=groups)
    assert np.array_equal(found.i, i[near])
    assert np.array_equal(found.j, j[near])
    assert found.score.tobytes() == score[near].tobytes()
    assert 10_000 < len(found) < 60_000
    assert found.certificate.pairs_evaluated == 60_000
