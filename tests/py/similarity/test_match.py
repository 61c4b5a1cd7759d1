from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from khala_jobs import similarity
from khala_jobs.errors import InvalidArgument


def as_list(matches: similarity.Matches) -> list[tuple[int, int, float]]:
    return [
        (int(q), int(r), float(c)) for q, r, c in zip(matches.query, matches.row, matches.score, strict=True)
    ]


def brute_force(sim64, queries, matrix, threshold, best=None, query_groups=None, groups=None):
    found = []
    for query in range(len(queries)):
        rows = np.arange(len(matrix))
        if groups is not None:
            rows = rows[groups == query_groups[query]]
        left = np.broadcast_to(queries[query], (len(rows), matrix.shape[1])).copy()
        cosines = sim64(left, matrix[rows])
        own = [(query, int(row), float(c)) for row, c in zip(rows, cosines, strict=True) if c >= threshold]
        found += sorted(own, key=lambda match: (-match[2], match[1]))[:best]
    return found


elements = st.floats(-2, 2, width=32).map(lambda value: np.float32(round(value * 4) / 4 + 0.125))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    both=npst.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 12)), elements=elements),
    cut=st.integers(0, 30),
    threshold=st.floats(-1, 1),
    best=st.none() | st.integers(1, 6),
    threads=st.integers(1, 3),
)
def test_any_small_matrices(sim64, both, cut, threshold, best, threads):
    queries, matrix = both[: min(cut, len(both))], both[min(cut, len(both)) :]
    found = similarity.match(queries, matrix, threshold, k=best, threads=threads)
    assert as_list(found) == brute_force(sim64, queries, matrix, threshold, best)


@pytest.mark.parametrize("best", [None, 1, 7])
def test_groups_keep_users_apart(sim64, best):
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(900, 16)).astype(np.float32)
    queries = rng.normal(size=(50, 16)).astype(np.float32)
    groups = rng.integers(0, 9, size=900).astype(np.int32)
    query_groups = rng.integers(3, 12, size=50).astype(np.int32)
    found = similarity.match(queries, matrix, 0.2, query_groups=query_groups, corpus_groups=groups, k=best)
    assert as_list(found) == brute_force(sim64, queries, matrix, 0.2, best, query_groups, groups)
    assert len(found)


def test_equals_the_self_join_without_its_diagonal():
    rng = np.random.default_rng(6)
    matrix = (
        rng.normal(size=(20, 32))[rng.integers(20, size=400)] + 0.3 * rng.normal(size=(400, 32))
    ).astype("f4")
    pairs = similarity.find_pairs(matrix, 0.9)
    matches = similarity.match(matrix, matrix, 0.9)
    upper = matches.query < matches.row
    assert similarity.pair_set_hash(matches.query[upper], matches.row[upper]) == pairs.certificate.set_hash
    assert (matches.query == matches.row).sum() == 400
    assert (matches.score[matches.query == matches.row] == 1.0).all()


def test_real_embeddings(minilm):
    matrix = np.ascontiguousarray(minilm[:5000])
    queries = np.ascontiguousarray(minilm[4000:4100])
    found = similarity.match(queries, matrix, 0.85, k=5)
    firsts = np.flatnonzero(np.diff(found.query, prepend=-1))
    assert (found.score[firsts] == 1.0).all()
    assert found.certificate.pairs_evaluated == 100 * 5000


ok = np.ones((4, 3), np.float32)
groups = np.zeros(4, np.int32)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("queries", {"queries": ok.astype(np.int32)}),
        ("queries", {"queries": np.ones((4, 2), np.float32)}),
        ("queries", {"queries": np.zeros((4, 3), np.float32)}),
        ("queries", {"corpus": ok[:, ::2]}),
        ("corpus", {"corpus": np.full((4, 3), np.nan, np.float32)}),
        ("query_groups", {"corpus_groups": groups}),
        ("corpus_groups", {"query_groups": groups}),
        ("corpus_groups", {"query_groups": groups, "corpus_groups": groups[:3]}),
        ("query_groups", {"query_groups": groups[:3], "corpus_groups": groups}),
        ("k", {"k": 0}),
        ("max_pairs", {"max_pairs": 15}),
        ("max_pairs", {"max_pairs": 3, "k": 1}),
        ("threshold", {"threshold": -2.0}),
    ],
)
def test_arguments_are_taken_as_documented_or_refused_by_name(field, arguments):
    with pytest.raises(InvalidArgument) as caught:
        similarity.match(**{"queries": ok, "corpus": ok, "threshold": 0.9, **arguments})
    assert caught.value.field == field


def test_faulty_rows_of_both_sides_are_reported():
    queries = np.array([[0, 0], [1, 0]], np.float32)
    matrix = np.array([[1, 0], [np.nan, 0]], np.float32)
    found = similarity.match(queries, matrix, 0.5, faulty="quarantine")
    assert as_list(found) == [(1, 0, 1.0)]
    assert found.query_faults == (similarity.RowFault(0, "zero_norm"),)
    assert found.corpus_faults == (similarity.RowFault(1, "nan"),)
